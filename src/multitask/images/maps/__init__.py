"""Map files, with a class or numbers for each pixel of an image; one file per coding."""

from multitask.images.maps.base import MapCoding
from multitask.images.maps.class_map import ClassMap
from multitask.images.maps.colour_map import ColourMap
from multitask.images.maps.depth_map import DepthMap
from multitask.images.maps.normal_map import NormalMap
from multitask.images.maps.number_map import NumberMap

__all__ = ["ClassMap", "ColourMap", "DepthMap", "MapCoding", "NormalMap", "NumberMap"]
