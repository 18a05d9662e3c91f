# syntax=docker/dockerfile:1
FROM python:3.13-slim AS build
WORKDIR /build
COPY requirements/ requirements/
RUN pip install --no-cache-dir --require-hashes --target /uv --requirement requirements/uv.txt \
    && python -m venv /opt/omniroute \
    && /uv/bin/uv pip install --python /opt/omniroute/bin/python --no-cache --require-hashes \
        --requirement requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY src/ src/
RUN python -m venv /opt/build \
    && /uv/bin/uv pip install --python /opt/build/bin/python --no-cache --require-hashes \
        --requirement requirements/build.txt \
    && /opt/build/bin/hatchling build --target wheel --directory /wheel \
    && /uv/bin/uv pip install --python /opt/omniroute/bin/python --no-cache --no-deps /wheel/*.whl

FROM python:3.13-slim
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin omniroute \
    && install --directory --owner omniroute --group omniroute --mode 0700 /data
COPY --from=build /opt/omniroute /opt/omniroute
# All addresses of the container: client keys are required, and INITIAL_PASSWORD must be given at the first start.
ENV PATH=/opt/omniroute/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    OMNIROUTE_HOST=0.0.0.0 \
    OMNIROUTE_OPEN=0 \
    DATA_DIR=/data
USER omniroute
VOLUME /data
EXPOSE 20128
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ.get('PORT', '20128') + '/api/monitoring/health', timeout=4)"]
CMD ["omniroute", "serve"]
