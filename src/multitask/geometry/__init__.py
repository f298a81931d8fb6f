"""How targets follow when an augmentation moves image content; one file per geometry."""

from multitask.geometry.angle import Angle
from multitask.geometry.base import Geometry
from multitask.geometry.box_lists import BoxLists
from multitask.geometry.boxes import Boxes
from multitask.geometry.landmarks import Landmarks
from multitask.geometry.length import Length
from multitask.geometry.normals import Normals
from multitask.geometry.pixel_map import PixelMap
from multitask.geometry.positions import Positions
from multitask.geometry.thumbnail import Thumbnail
from multitask.geometry.unchanged import Unchanged

__all__ = [
    "Angle",
    "BoxLists",
    "Boxes",
    "Geometry",
    "Landmarks",
    "Length",
    "Normals",
    "PixelMap",
    "Positions",
    "Thumbnail",
    "Unchanged",
]
