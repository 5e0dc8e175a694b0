# One image for every role: `serve --role all|web|realtime|worker`. Needs nothing at run time but /data.
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN useradd --system --uid 10001 --home-dir /data --create-home lair
WORKDIR /opt/lair
COPY requirements.txt ./
RUN pip install -r requirements.txt "psycopg[binary,pool]>=3.3.9,<4" "hiredis>=3.5"
COPY manage.py LICENSE ./
COPY lairchat lairchat
COPY accounts accounts
COPY rooms rooms
COPY chat chat
COPY templates templates

USER lair
ENV LAIR_DATA_DIR=/data LAIR_HOST=0.0.0.0
VOLUME /data
EXPOSE 8082
# Draining and stopping take less than this; the runtime's own patience has to be longer (compose: stop_grace_period).
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "manage.py"]
CMD ["serve"]
