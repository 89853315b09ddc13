"""`python -m tests.advisories`: whether what is installed here has known vulnerabilities, by pip-audit.

pip-audit says that there are none where it could ask nobody. This says that it could not.
"""

import argparse
import subprocess
import sys
from typing import Final

import msgspec

OURS: Final = "virtual-ward"
NONE, SOME, NOT_ASKED = 0, 1, 3


class Advisory(msgspec.Struct):
    """What is known of a version."""

    id: str
    fix_versions: list[str] = []


class Package(msgspec.Struct):
    """A package as pip-audit judged it, or why it did not."""

    name: str
    version: str = ""
    vulns: list[Advisory] = []
    skip_reason: str | None = None


class Report(msgspec.Struct):
    """What pip-audit says as JSON."""

    dependencies: list[Package]


def verdict(report: Report) -> tuple[int, list[str]]:
    """The exit status, and what to say."""
    told = [
        f"{one.name} {one.version}: {found.id}, fixed in {', '.join(found.fix_versions) or 'no version yet'}"
        for one in report.dependencies
        for found in one.vulns
    ]
    unknown = sorted(one.name for one in report.dependencies if one.skip_reason and one.name != OURS)
    if unknown:
        told.append(
            f"NOT AUDITED: of {len(unknown)} of {len(report.dependencies)} packages no advisory could be asked for "
            f"({', '.join(unknown[:5])}, …): is pypi.org reachable?"
        )
    if any(one.vulns for one in report.dependencies):
        return SOME, told
    return (NOT_ASKED, told) if unknown or not report.dependencies else (NONE, ["No known vulnerabilities."])


def main() -> None:
    """Ask, say, and exit: 1 where something is vulnerable, 3 where nobody could be asked."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--if-reachable", action="store_true", help="exit 0 where nobody could be asked, and say so")
    asked = options.parse_args()
    command = [sys.executable, "-m", "pip_audit", "--local", "--progress-spinner", "off", "--format", "json"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        status, told = verdict(msgspec.json.decode(said.stdout, type=Report))
    except msgspec.DecodeError:
        status, told = NOT_ASKED, ["NOT AUDITED: pip-audit could ask nobody.", said.stderr.strip()[-400:]]
    sys.stdout.write("\n".join(told) + "\n")
    sys.exit(NONE if status == NOT_ASKED and asked.if_reachable else status)


if __name__ == "__main__":
    main()
