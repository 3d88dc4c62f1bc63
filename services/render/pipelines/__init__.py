"""Drawing with torch and diffusers. Only the drawing process imports this package: it brings torch in."""

from services.render.pipelines.painter import Painter, Stopped

__all__ = ["Painter", "Stopped"]
