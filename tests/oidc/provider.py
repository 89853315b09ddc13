"""A real OpenID provider, Django OAuth Toolkit, as a process: `python -m tests.oidc.provider FOLDER PORT`.

FOLDER holds `key.pem`, by which it signs, `people.json`: by user name what the provider says of each, and `ours`: where
this service is. The password is PASSWORD for everybody.
"""

import json
import sys
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

CLIENT_ID: Final = "virtual-ward"
CLIENT_SECRET: Final = "between us: 100%"
PASSWORD: Final = "correct horse"
LOGIN: Final = (
    '<form method="post">{% csrf_token %}{{ form }}<input type="hidden" name="next" value="{{ next }}">'
    "<button>Log in</button></form>"
)


def main(folder: Path, port: int) -> None:
    """Serve until killed."""
    _configure(folder, f"http://localhost:{port}/o")
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415 - once it is configured

    application = get_wsgi_application()
    if not (folder / "made").exists():
        _make(folder)
        (folder / "made").touch()
    with make_server("127.0.0.1", port, application, _Server, _Quiet) as server:
        server.serve_forever()


def _configure(folder: Path, issuer: str) -> None:
    from django.conf import settings  # noqa: PLC0415 - this process alone

    apps = ("auth", "contenttypes", "sessions", "oauth2_provider")
    settings.configure(
        ALLOWED_HOSTS=["localhost"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "provider.sqlite"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", apps[-1]],
        LOGIN_URL="/login/",
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        MIGRATION_MODULES=dict.fromkeys(apps),  # tables as they are, without their history
        OAUTH2_PROVIDER={
            "OIDC_ENABLED": True,
            "OIDC_ISS_ENDPOINT": issuer,
            "OIDC_RSA_PRIVATE_KEY": (folder / "key.pem").read_text(),
            "OIDC_RP_INITIATED_LOGOUT_ENABLED": True,
            "OIDC_RP_INITIATED_LOGOUT_ALWAYS_PROMPT": False,
            "OAUTH2_VALIDATOR_CLASS": "tests.oidc.provider_claims.Says",
            "SCOPES": {"openid": "who", "profile": "name", "email": "address"},
        },
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        PEOPLE=folder / "people.json",
        ROOT_URLCONF="tests.oidc.provider_urls",
        SECRET_KEY="not one",
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {"loaders": [("django.template.loaders.locmem.Loader", {"login.html": LOGIN})]},
            }
        ],
        USE_TZ=True,
    )


def _make(folder: Path) -> None:
    """The tables, this service as a client, and the people."""
    from django.contrib.auth import get_user_model  # noqa: PLC0415 - once it is configured
    from django.core.management import call_command  # noqa: PLC0415 - likewise
    from oauth2_provider.models import get_application_model  # noqa: PLC0415 - likewise

    call_command("migrate", run_syncdb=True, verbosity=0)
    ours = (folder / "ours").read_text()
    get_application_model().objects.create(
        client_id=CLIENT_ID, client_secret=CLIENT_SECRET, client_type="confidential", skip_authorization=True,
        authorization_grant_type="authorization-code", algorithm="RS256", name="Virtual Ward",
        redirect_uris=f"{ours}/sign-in/oidc/back", post_logout_redirect_uris=f"{ours}/sign-in",
    )  # fmt: skip
    for name in json.loads((folder / "people.json").read_text()):
        get_user_model().objects.create_user(name, password=PASSWORD)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Nobody reads it."""


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
