"""The API as one Litestar application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import swagger_ui
from litestar import Litestar
from litestar.config.app import AppConfig
from litestar.static_files import create_static_files_router

from monitoring import health, openapi
from monitoring.accepted.routes import ROUTES as ACCEPTED_ROUTES
from monitoring.access.gate import gate
from monitoring.access.routes import ROUTES as ACCESS_ROUTES
from monitoring.access.whose import whose
from monitoring.alerts.routes import ROUTES as ALERT_ROUTES
from monitoring.aside.routes import ROUTES as ASIDE_ROUTES
from monitoring.audit.recording import recorded
from monitoring.audit.routes import ROUTES as AUDIT_ROUTES
from monitoring.bars.routes import ROUTES as BARS_ROUTES
from monitoring.bodies import StrictRequest
from monitoring.calls.report_routes import ROUTES as CALL_REPORT_ROUTES
from monitoring.calls.routes import ROUTES as CALL_ROUTES
from monitoring.casefinding.routes import ROUTES as CASE_ROUTES
from monitoring.chart.routes import ROUTES as CHART_ROUTES
from monitoring.concerns.routes import ROUTES as CONCERN_ROUTES
from monitoring.config import Settings
from monitoring.delivery.routes import ROUTES as RECEIPT_ROUTES
from monitoring.duty.routes import ROUTES as DUTY_ROUTES
from monitoring.equity.routes import ROUTES as EQUITY_ROUTES
from monitoring.escalation.routes import ROUTES as ESCALATION_ROUTES
from monitoring.fhir.routes import ROUTES as FHIR_ROUTES
from monitoring.flow.episode_routes import ROUTES as SPELL_ROUTES
from monitoring.flow.referral_routes import ROUTES as REFERRAL_ROUTES
from monitoring.hospital.routes import ROUTES as HOSPITAL_ROUTES
from monitoring.intake.routes import ROUTES as INTAKE_ROUTES
from monitoring.kit.routes import ROUTES as KIT_ROUTES
from monitoring.live import live
from monitoring.loaded.routes import ROUTES as TABLE_ROUTES
from monitoring.originals.routes import ROUTES as ORIGINAL_ROUTES
from monitoring.pages.routes import pages
from monitoring.patients.routes import ROUTES as PATIENT_ROUTES
from monitoring.problems import handlers
from monitoring.prompts.routes import ROUTES as PROMPT_ROUTES
from monitoring.recovery.prevention_routes import ROUTES as PREVENTION_ROUTES
from monitoring.recovery.report_routes import ROUTES as RECOVERY_REPORT_ROUTES
from monitoring.recovery.routes import ROUTES as RECOVERY_ROUTES
from monitoring.reports.burden_routes import ROUTES as BURDEN_ROUTES
from monitoring.reports.routes import ROUTES as REPORT_ROUTES
from monitoring.reports.sitrep_routes import ROUTES as SITREP_ROUTES
from monitoring.reports.stay_routes import ROUTES as STAY_ROUTES
from monitoring.rounds.inpatient_routes import ROUTES as INPATIENT_ROUTES
from monitoring.rounds.routes import ROUTES as ROUND_ROUTES
from monitoring.rules.routes import ROUTES as RULE_ROUTES
from monitoring.sepsis.routes import ROUTES as SEPSIS_ROUTES
from monitoring.service import Service
from monitoring.sharing.routes import ROUTES as SHARING_ROUTES
from monitoring.tracing.requests import traced
from monitoring.ucr.report_routes import ROUTES as UCR_REPORT_ROUTES
from monitoring.ucr.routes import ROUTES as UCR_ROUTES
from monitoring.wards.bed_routes import ROUTES as BED_ROUTES
from monitoring.wards.routes import ROUTES as WARD_ROUTES
from monitoring.watch import watched

BODY_BYTES_MAX = 1_048_576
SWAGGER_FILES = Path(swagger_ui.__file__).parent / "static"


def make_app(settings: Settings) -> Litestar:
    """The application for these settings. It connects to nothing before it serves."""

    def with_service(config: AppConfig) -> AppConfig:
        config.state["service"] = Service.of(settings)
        return config

    routes = [
        *INTAKE_ROUTES, live, health.health_live, health.health_ready, health.metrics,
        *PATIENT_ROUTES, *ACCEPTED_ROUTES, *CHART_ROUTES, *ORIGINAL_ROUTES, *SHARING_ROUTES,
        *WARD_ROUTES, *BED_ROUTES, *REPORT_ROUTES, *SITREP_ROUTES, *STAY_ROUTES,
        *EQUITY_ROUTES, *CASE_ROUTES, *TABLE_ROUTES,
        *RECOVERY_ROUTES, *RECOVERY_REPORT_ROUTES, *PREVENTION_ROUTES,
        *REFERRAL_ROUTES, *SPELL_ROUTES, *ROUND_ROUTES, *INPATIENT_ROUTES, *KIT_ROUTES, *ASIDE_ROUTES,
        *ALERT_ROUTES, *SEPSIS_ROUTES,
        *ESCALATION_ROUTES, *RECEIPT_ROUTES, *CONCERN_ROUTES, *PROMPT_ROUTES, *BURDEN_ROUTES,
        *DUTY_ROUTES, *UCR_ROUTES, *UCR_REPORT_ROUTES, *HOSPITAL_ROUTES,
        *CALL_ROUTES, *CALL_REPORT_ROUTES, *BARS_ROUTES, *FHIR_ROUTES, *RULE_ROUTES, *AUDIT_ROUTES,
        *ACCESS_ROUTES,
    ]  # fmt: skip
    app = Litestar(
        [*routes, *pages(), _swagger_files()],
        exception_handlers=handlers(),
        lifespan=[_serving],
        on_app_init=[with_service],
        middleware=[gate, whose],
        request_class=StrictRequest,
        request_max_body_size=BODY_BYTES_MAX,
        openapi_config=openapi.config(),
        logging_config=None,  # logs.py configures logging for every part alike
    )
    # Outermost: the framework's own refusals are watched too.
    handler = watched(recorded(app.asgi_handler), is_https=settings.is_https)
    app.asgi_handler = handler if settings.traces_to is None else traced(handler)
    return app


@asynccontextmanager
async def _serving(app: Litestar) -> AsyncIterator[None]:
    service: Service = app.state.service
    await service.start()
    try:
        yield
    finally:
        await service.stop()


def _swagger_files() -> Any:
    """The pages' scripts and styles come from a package: no internet is needed."""
    return create_static_files_router(
        openapi.ASSETS, [SWAGGER_FILES], opt={"allows": "everybody"}, include_in_schema=False
    )
