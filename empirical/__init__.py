"""The same measurements on images and on networks."""

from .images import ImageSet as ImageSet
from .images import load_images as load_images
from .tasks import ClassificationTask as ClassificationTask
from .tasks import PointSplit as PointSplit
from .tasks import classification_task as classification_task
from .tasks import split_points as split_points
