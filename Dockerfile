# syntax=docker/dockerfile:1
# Both bases need Python 3.11 or later as python3; the first also venv and pip, the second nothing else.  Where no image
# registry is reached, make them of Debian's packages: docs/operators.md.
ARG BASE=docker.io/library/python:3.13-slim
ARG RUNTIME=${BASE}

FROM ${BASE} AS build
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
# What changes seldom stands first: the wheels are fetched once, each with its hash checked.
COPY requirements.lock requirements-release.lock ./
RUN python3 -m venv /opt/build && python3 -m venv --without-pip /opt/foramen \
    && /opt/build/bin/python -m pip download --quiet --require-hashes --requirement requirements.lock --dest /wheels \
    && /opt/build/bin/python -m pip install --quiet --upgrade --no-index --find-links /wheels setuptools \
    && /opt/build/bin/python -m pip install --quiet --require-hashes --requirement requirements-release.lock
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY cds_service cds_service
COPY cards cards
COPY knowledge knowledge
COPY scripts/licences.py scripts/
# Only what the service needs is installed, byte-compiled without the times of this build; its bill of materials and
# licences stand beside it.
RUN /opt/build/bin/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/build/bin/python -m pip --python /opt/foramen/bin/python install --quiet --no-compile --no-index \
        --find-links /wheels "foramen[postgresql]" \
    && /opt/foramen/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/foramen/lib \
    && mkdir -p /opt/foramen/share /empty \
    && /opt/build/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
        --spec-version 1.6 --output-file /opt/foramen/share/sbom.cdx.json /opt/foramen/bin/python \
    && /opt/foramen/bin/python scripts/licences.py > /opt/foramen/share/licences.txt

FROM ${RUNTIME}
COPY --from=build /opt/foramen /opt/foramen
# Owned by whoever runs the service, so that a new volume is too.
COPY --from=build --chown=10001:10001 /empty /data
VOLUME /data
ENV PATH=/opt/foramen/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 FORAMEN_DATA=/data
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=9s --start-period=15s \
    CMD ["/opt/foramen/bin/python", "-m", "cds_service.health"]
# Refuses to start until the operator registers clients (FORAMEN_CLIENTS), or says that something else keeps strangers
# out (FORAMEN_OPEN=1): see README.
CMD ["/opt/foramen/bin/foramen", "serve", "--host", "0.0.0.0", "--port", "8000"]
