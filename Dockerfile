# syntax=docker/dockerfile:1
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
WORKDIR /src
COPY pyproject.toml requirements.lock README.md LICENSE NOTICE ./
COPY cds_service cds_service
COPY cards cards
COPY knowledge knowledge
# Everything locked is downloaded and its hash checked; of that, only what the service needs is installed.  The
# environment has no pip of its own.
RUN python -m venv /opt/build && python -m venv --without-pip /opt/foramen
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN /opt/build/bin/python -m pip download --quiet --require-hashes --requirement requirements.lock --dest /wheels \
    && /opt/build/bin/python -m pip install --quiet --upgrade --no-index --find-links /wheels setuptools \
    && /opt/build/bin/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/build/bin/python -m pip --python /opt/foramen/bin/python install --quiet --no-index --find-links /wheels "foramen[postgresql]" \
    && /opt/foramen/bin/python -m compileall -q /opt/foramen/lib

FROM ${BASE}
RUN python -m pip uninstall --yes --quiet pip setuptools wheel
COPY --from=build /opt/foramen /opt/foramen
RUN mkdir /data && chown 10001:10001 /data
VOLUME /data
ENV PATH=/opt/foramen/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 FORAMEN_DATA=/data
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=8s --start-period=10s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/readyz', timeout=7)"]
# Refuses to start until the operator registers clients (FORAMEN_CLIENTS), or says that something else keeps strangers
# out (FORAMEN_OPEN=1): see README.
CMD ["foramen", "serve", "--host", "0.0.0.0", "--port", "8000"]
