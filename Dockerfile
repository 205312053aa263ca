ARG PYTHON=python:3.11-slim
FROM ${PYTHON}
COPY bento/env/python/requirements.txt /app/
RUN pip install --no-cache-dir -r /app/requirements.txt && useradd stamkunde && install -d -o stamkunde /app /state
COPY --chown=stamkunde . /app
ENV BENTOML_HOME=/app BENTOML_DO_NOT_TRACK=True OMP_NUM_THREADS=1 STAMKUNDE_VAR=/state
USER stamkunde
EXPOSE 3000
HEALTHCHECK CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:3000/livez', timeout=3)"]
CMD ["bentoml", "serve", "/app/bento", "--host", "0.0.0.0", "--port", "3000"]
