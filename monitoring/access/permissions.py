"""Who may do what: one table. A route names what it lets do; nothing that is not here is allowed."""

from typing import Final

from monitoring.access.roles import Role

ADMIN, AUDITOR, CLINICIAN, COORDINATOR = Role.ADMIN, Role.AUDITOR, Role.CLINICIAN, Role.COORDINATOR
ENGINEER, SUPPORT, UCR = Role.ENGINEER, Role.SUPPORT, Role.UCR

MAY: Final[dict[str, frozenset[Role]]] = {
    "read patients": frozenset({CLINICIAN, SUPPORT, COORDINATOR, AUDITOR, ADMIN}),
    "register patients": frozenset({COORDINATOR, ADMIN}),
    "correct patients": frozenset({CLINICIAN, COORDINATOR, ADMIN}),
    "merge patients": frozenset({COORDINATOR, ADMIN}),
    "decide plans": frozenset({CLINICIAN, ADMIN}),
    "accept values": frozenset({CLINICIAN, ADMIN}),
    "record readings": frozenset({CLINICIAN, SUPPORT, ADMIN}),
    "read wards": frozenset({CLINICIAN, SUPPORT, COORDINATOR, UCR, ENGINEER, AUDITOR, ADMIN}),
    "manage wards": frozenset({COORDINATOR, ADMIN}),
    "admit": frozenset({COORDINATOR, CLINICIAN, ADMIN}),
    "refer": frozenset({COORDINATOR, CLINICIAN, ADMIN}),
    "read referrals": frozenset({CLINICIAN, SUPPORT, COORDINATOR, AUDITOR, ADMIN}),
    "decide referrals": frozenset({COORDINATOR, CLINICIAN, ADMIN}),
    "run spells": frozenset({COORDINATOR, CLINICIAN, ADMIN}),
    "record contacts": frozenset({CLINICIAN, SUPPORT, COORDINATOR, ADMIN}),
    "run caseloads": frozenset({COORDINATOR, ADMIN}),
    "load codes": frozenset({COORDINATOR, ADMIN}),
    "load tables": frozenset({COORDINATOR, ADMIN}),
    "read reports": frozenset({CLINICIAN, SUPPORT, COORDINATOR, AUDITOR, ADMIN}),
    "read extracts": frozenset({COORDINATOR, AUDITOR, ADMIN}),
    "read equity": frozenset({COORDINATOR, AUDITOR, ADMIN}),
    "find cases": frozenset({COORDINATOR, AUDITOR, ADMIN}),
    "send cases": frozenset({COORDINATOR, ADMIN}),
    "correct returns": frozenset({COORDINATOR, ADMIN}),
    "read alerts": frozenset({CLINICIAN, SUPPORT, COORDINATOR, AUDITOR, ADMIN}),
    "answer alerts": frozenset({CLINICIAN, SUPPORT, ADMIN}),
    "answer sepsis": frozenset({CLINICIAN, ADMIN}),
    "raise concerns": frozenset({CLINICIAN, SUPPORT, UCR, COORDINATOR, ADMIN}),
    "read ladders": frozenset({CLINICIAN, SUPPORT, COORDINATOR, UCR, AUDITOR, ADMIN}),
    "decide who is told": frozenset({COORDINATOR, ADMIN}),
    "read duty": frozenset({CLINICIAN, SUPPORT, COORDINATOR, UCR, AUDITOR, ADMIN}),
    "manage rotas": frozenset({COORDINATOR, ADMIN}),
    "read contacts": frozenset(Role),
    "set contacts": frozenset(Role) - {AUDITOR},
    "read ucr": frozenset({CLINICIAN, SUPPORT, COORDINATOR, UCR, AUDITOR, ADMIN}),
    "refer to ucr": frozenset({CLINICIAN, COORDINATOR, ADMIN}),
    "answer ucr": frozenset({UCR, ADMIN}),
    "cancel ucr": frozenset({UCR, CLINICIAN, COORDINATOR, ADMIN}),
    "review ucr": frozenset({CLINICIAN, ADMIN}),
    "manage ucr teams": frozenset({COORDINATOR, UCR, ADMIN}),
    "take calls": frozenset({CLINICIAN, SUPPORT, COORDINATOR, ADMIN}),
    "read calls": frozenset({CLINICIAN, SUPPORT, COORDINATOR, AUDITOR, ADMIN}),
    "read referral messages": frozenset({CLINICIAN, SUPPORT, COORDINATOR, UCR, AUDITOR, ADMIN}),
    "read devices": frozenset({ENGINEER, AUDITOR, ADMIN}),
    "manage devices": frozenset({ENGINEER, ADMIN}),
    "route replies": frozenset({ADMIN}),
    "read kept-aside sets": frozenset({ENGINEER, CLINICIAN, SUPPORT, AUDITOR, ADMIN}),
    "read originals": frozenset({ENGINEER, CLINICIAN, AUDITOR, ADMIN}),
    "decide kept-aside sets": frozenset({ENGINEER, CLINICIAN, ADMIN}),
    "count kit": frozenset({CLINICIAN, SUPPORT, COORDINATOR, ENGINEER, AUDITOR, ADMIN}),
    "read hospital messages": frozenset({ENGINEER, AUDITOR, ADMIN}),
    "read rules": frozenset({CLINICIAN, SUPPORT, COORDINATOR, ENGINEER, AUDITOR, ADMIN}),
    "propose rules": frozenset({CLINICIAN, ADMIN}),
    "decide rules": frozenset({CLINICIAN, ADMIN}),
    "watch live": frozenset({CLINICIAN, SUPPORT, COORDINATOR, UCR, ENGINEER, AUDITOR, ADMIN}),
    "read fhir metadata": frozenset(Role),
    "use pages": frozenset(Role),
    "break glass": frozenset({CLINICIAN, UCR, ADMIN}),
    "read break-glass": frozenset({CLINICIAN, UCR, COORDINATOR, AUDITOR, ADMIN}),
    "name staff": frozenset({ADMIN}),
    "read audit": frozenset({AUDITOR, ADMIN}),
    "read metrics": frozenset({ENGINEER, AUDITOR, ADMIN}),
}

PROVIDED: Final[dict[str, tuple[str, str]]] = {
    "accept values": ("senior only", "monitoring/accepted/deciding.py: may_accept"),
    "answer alerts": (
        "support workers technical alerts and ambers only; what is not technical is resolved by registered clinicians, "
        "what is critical after a recent sign-in",
        "monitoring/alerts/resolving.py: to_resolve",
    ),
    "answer sepsis": ("`not_suspected`: registered clinicians", "monitoring/sepsis/answering.py: answer_sepsis"),
    "answer ucr": ("of the member's own teams", "monitoring/ucr/views.py: seen_by"),
    "break glass": ("clinicians: registered", "monitoring/access/break_glass.py: registered"),
    "decide plans": ("after a recent sign-in", "monitoring/patients/plans.py: to_decide"),
    "decide rules": (
        "registered; who approves is senior, works on every ward and did not propose it",
        "monitoring/rules/deciding.py: to_approve",
    ),
    "manage devices": ("of kind `interface`: admins", "monitoring/kit/devices.py: add"),
    "propose rules": ("registered", "monitoring/rules/deciding.py: propose"),
    "read contacts": (
        "one's own; those of their wards' staff: coordinators and auditors",
        "monitoring/duty/contacts.py: to_look_at",
    ),
    "set contacts": ("one's own; those of their wards' staff: coordinators", "monitoring/duty/contacts.py: theirs"),
}
"""What is asked besides the role and the ward, and where it is judged. For the page about who may do what."""

WATCHED_BY: Final = {
    "alert": "read alerts",
    "escalation": "read alerts",
    "reading": "read patients",
    "score": "read patients",
    "ucr": "read ucr",
}
"""What somebody who watches live must also be let do, to be sent these kinds of events."""


def may_watch(role: Role | None, kind: str) -> bool:
    """Whether events of a kind are for this role: nobody hears live what they may not read."""
    return role in MAY[WATCHED_BY.get(kind, "watch live")]


DEVICE_MAY: Final = frozenset(
    {
        "post readings",
        "raise concerns",
        "read prompts",
        "answer prompts",
        "post hospital messages",
        "post referral messages",
        "read referral messages",
        "read fhir metadata",
    }
)
"""What a device's token lets do."""

OPENED_MAY: Final = frozenset({"read patients", "read alerts"})
"""What whoever opened a ward in an emergency may do there, though their role may not: a UCR team at the door."""

PROVIDER_MAY: Final = frozenset({"send receipts"})
"""What a provider lets itself in to do, by a token from the settings: no member of staff and no device."""
