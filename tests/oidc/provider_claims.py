"""What the provider says of a person: what stands in its `people.json`."""

import json
from typing import Any

from django.conf import settings
from oauth2_provider.oauth2_validators import OAuth2Validator


class Says(OAuth2Validator):  # type: ignore[misc]
    """Everything, whatever the scope."""

    oidc_claim_scope = None

    def get_additional_claims(self, request: Any) -> dict[str, Any]:
        """Of the one who signs in."""
        found: dict[str, Any] = json.loads(settings.PEOPLE.read_text())[request.user.username]
        return found
