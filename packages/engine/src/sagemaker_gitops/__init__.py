"""Train, gate, release, watch and roll back one model on Amazon SageMaker: the command `pipeline`."""
