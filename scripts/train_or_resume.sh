#!/bin/bash
# Trains, or goes on with what it has trained before: the same command for the first start and for
# each one after a machine was taken away. Every process of a run calls it, by srun or torchrun.
#
#   scripts/train_or_resume.sh FOLDER ARGUMENTS
#
# FOLDER belongs to this one run, whose own folder lies in it; ARGUMENTS are those of `multitask fit`,
# and count at the first start only.
set -euo pipefail
folder=$1
shift
# No process is ahead of another here: there is a checkpoint only after all of them have begun.
if compgen -G "$folder/*/*/checkpoints/last.ckpt" >/dev/null; then
  # What lies there is what these arguments have made.
  exec python -m multitask resume --run.root="$folder" --trust
fi
exec python -m multitask fit "$@" --run.root="$folder"
