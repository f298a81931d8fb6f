# docker build -t multitask . && docker run --gpus all -v "$PWD/runs:/home/person/runs" multitask \
#   fit --config experiment/digits
FROM python:3.12-slim

# A compiler for torch.compile and AOTInductor, git for the provenance of runs.
RUN apt-get update && apt-get install -y --no-install-recommends g++ git \
  && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home --uid 1000 person
WORKDIR /opt/multitask
COPY --chown=person . .
RUN pip install --no-cache-dir -c constraints.txt ".[export,serve,sweep,text]"

USER person
WORKDIR /home/person
# Made here, so that the folder mounted on it belongs to the person.
RUN mkdir runs
ENTRYPOINT ["multitask"]
