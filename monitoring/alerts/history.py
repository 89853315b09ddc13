"""What happened to alerts, as it is shown."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import text
from sqlmodel import Session

from alert_rules.severity import Severity
from monitoring.alerts.views import HistoryView

_NEWEST: Final = text(
    """
    SELECT entry.*, staff.public_id AS by_id, staff.name AS by_name
    FROM unnest(CAST(:alerts AS bigint[])) AS wanted (id)
    CROSS JOIN LATERAL (
        SELECT * FROM alert_history WHERE alert_id = wanted.id ORDER BY alert_history.id DESC LIMIT :most
    ) AS entry
    LEFT JOIN staff ON staff.id = entry.by
    ORDER BY entry.id
    """
)


def histories(session: Session, alerts: Collection[int], most: int) -> dict[int, list[HistoryView]]:
    """The newest entries of each alert's history, oldest first, with one query for all of them."""
    found: dict[int, list[HistoryView]] = {alert: [] for alert in alerts}
    for entry in session.execute(_NEWEST, {"alerts": list(alerts), "most": most}) if alerts else ():
        found[entry.alert_id].append(
            HistoryView(
                at=entry.at,
                what=entry.what,
                from_state=entry.from_state,
                to_state=entry.to_state,
                severity=Severity(entry.severity).label,
                by=entry.by_id,
                by_name=entry.by_name,
                note=entry.note,
                set=entry.set,
            )
        )
    return found
