#!/bin/bash
# One run on the nodes of a SLURM cluster, which goes on by itself after it was stopped.
#
#   mkdir -p runs/slurm
#   sbatch scripts/slurm.sh --config configs/experiment/digits.yaml --config configs/trainer/multinode.yaml
#   sbatch --nodes=1 --ntasks-per-node=8 --gpus-per-node=8 scripts/slurm.sh --config ...
#
#SBATCH --job-name=multitask
#SBATCH --nodes=2
# One task for each GPU; all tasks of a node see all of its GPUs.
#SBATCH --ntasks-per-node=4
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
# The tasks, not this shell, are told 90 seconds before the time is over. They end after the batch in
# hand, with a checkpoint.
#SBATCH --signal=TERM@90
#SBATCH --requeue
# In one file, whatever number of times the job is started.
#SBATCH --open-mode=append
#SBATCH --output=runs/slurm/%j.log

# SLURM runs a copy of this file, in the folder in which sbatch was called.
if [[ -f .venv/bin/activate && -z ${VIRTUAL_ENV:-} ]]; then
  source .venv/bin/activate
fi

# This shell gets the signal where the job is cancelled, or its time is over: nothing is to go on.
is_over=no
trap 'is_over=yes' TERM

# The job keeps its number when it is started again.
srun bash scripts/train_or_resume.sh "runs/slurm/$SLURM_JOB_ID" "$@"
code=$?

# 143 is what a run ends with that SIGTERM has stopped, by the time limit or a job that goes before.
if [[ $code == 143 && $is_over == no ]]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
