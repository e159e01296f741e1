# One image for both sides: `relay serve` (the default) and `relay reference`.
FROM docker.io/library/python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc libc6-dev
COPY requirements/ requirements/
# `--build-arg VAULTS=yes` brings what asks Azure Key Vault and AWS Secrets Manager.
ARG VAULTS
# What runs has no installer in it: the pip of /opt/build fills /opt/relay.
RUN python3 -m venv /opt/build && /opt/build/bin/pip install --no-deps --require-hashes -r requirements/build.txt \
 && python3 -m venv --without-pip /opt/relay \
 && for each in reference ${VAULTS:+vaults}; do \
      /opt/build/bin/pip --python /opt/relay install --no-deps --require-hashes -r requirements/$each.txt || exit; done
COPY pyproject.toml README.md LICENSE ./
COPY relay/ relay/
# What every call passes through is compiled. mypy looks at the relay's libraries for their types.
RUN SITE=$(/opt/build/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') \
 && echo "$SITE" | sed 's#/opt/build#/opt/relay#' > "$SITE/relay.pth" \
 && HATCH_BUILD_HOOK_ENABLE_MYPYC=1 /opt/build/bin/python -m hatchling build -t wheel -d /tmp/wheel \
 && /opt/build/bin/pip --python /opt/relay install --no-deps --no-index /tmp/wheel/*.whl

FROM docker.io/library/python:3.11-slim-bookworm
RUN useradd --uid 10001 --no-log-init --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin relay
COPY --from=build /opt/relay /opt/relay
# What is held or stopped outlives the container where this is a volume.
RUN install -d -o 10001 -m 0700 /var/lib/relay
VOLUME /var/lib/relay
ENV PATH=/opt/relay/bin:$PATH PYTHONDONTWRITEBYTECODE=1 RELAY_STATE=/var/lib/relay/relay.state
USER 10001
WORKDIR /etc/relay
EXPOSE 8443 9090
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["/opt/relay/bin/relay", "health", "--config", "/etc/relay/relay.toml"]
ENTRYPOINT ["/opt/relay/bin/relay"]
CMD ["serve", "--config", "/etc/relay/relay.toml"]
