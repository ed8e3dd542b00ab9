"""The picture that stands beside a shared link of the site, and the small one in a browser's tab: nbs/images/card.png, favicon.png."""
from pathlib import Path

from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from course_lib.pictures.critters import breeds, critter

IMAGES = Path(__file__).resolve().parents[1]/"nbs/images"
BLUE, WHITE = (29, 79, 124), (255, 255, 255)


def font(size, weight="normal"):
    "A font that comes with matplotlib"
    return ImageFont.truetype(font_manager.findfont(font_manager.FontProperties(family="DejaVu Sans", weight=weight)), size)


def card():
    "The name, what it is, and six drawn animals: 1200 x 630, the size that social sites ask for"
    image = Image.new("RGB", (1200, 630), BLUE)
    draw = ImageDraw.Draw(image)
    draw.text((60, 60), "course_lib", WHITE, font(96, "bold"))
    draw.text((64, 190), "Deep learning, learnt by doing:", WHITE, font(44))
    draw.text((64, 252), "run it, change it, question it.", WHITE, font(44))
    for i, breed in enumerate(breeds()[::6][:6]): image.paste(critter(breed["name"], seed=i, size=165), (60 + 183*i, 390))
    return image.quantize(128, dither=Image.Dither.NONE)


def favicon():
    "A parabola with a ball on its way down"
    image = Image.new("RGB", (256, 256), BLUE)
    draw = ImageDraw.Draw(image)
    draw.line([(x, 215 - (x - 128)**2/72) for x in range(20, 237)], WHITE, 18)
    draw.ellipse((35, 45, 105, 115), (255, 170, 60))
    return image.resize((64, 64), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    card().save(IMAGES/"card.png", optimize=True)
    favicon().save(IMAGES/"favicon.png", optimize=True)
