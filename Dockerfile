# docker build -t multitask . && docker run --gpus all -v "$PWD/runs:/work/runs" multitask \
#   fit --config experiment/digits
FROM python:3.12-slim

# A compiler for torch.compile and AOTInductor, git for the provenance of runs.
RUN apt-get update && apt-get install -y --no-install-recommends g++ git \
  && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home --uid 1000 person && mkdir /work && chown person /work
WORKDIR /opt/multitask
COPY --chown=person . .
RUN pip install --no-cache-dir -c constraints.txt ".[export,serve,sweep,text]"

USER person
WORKDIR /work
ENTRYPOINT ["multitask"]
