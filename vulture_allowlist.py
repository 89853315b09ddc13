"""Names that look unused to vulture and are not. Each with who uses it; a name that is used after all has to go."""

# The command line calls its commands.
demo, up, worker, timekeeper, staff_add, staff_token, staff_revoke, device_add, report_occupancy, rules_check
rules_explain, audit_verify, audit_export, audit_key
# Tests, and the pages rendered from them.
diagram, mismatch, wait_until_ready
# The audit asks for these by name.
subject_id
# The framework, its server, the logging module, Prometheus and RQ call or read these.
to_asgi_response, send_400_response, formatException, connection_timeout
# The standard library's HTTP server calls these of the demo's pagers.
do_POST, log_message
# Named in a quoted annotation.
Axes
# Pydantic calls these to judge settings.
_encrypted, _names_a_primary, _one_proof, _readable, _tls_is_whole
