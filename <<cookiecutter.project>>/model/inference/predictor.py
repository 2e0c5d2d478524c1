"""The place for logic of your own between what the model computes and the answer.

Override `label` to decide otherwise than by the model's threshold, or `figures` to change what goes in.
Whatever stands here is served only: the gates that judge the graph alone do not see it, those that ask the server do.
"""

from sagemaker_gitops_modelkit.serving.predictor import Predictor


class ProjectPredictor(Predictor):
    """Answers as the graph and its threshold say."""
