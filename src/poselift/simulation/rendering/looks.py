"""What a person looks like: build, clothes, hair, colours and patterns, drawn at random.

Colours are linear RGB from 0 to 1 (light, not the picture's bytes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

#: What cloth and walls can be covered with.
PATTERNS = ("plain", "rings", "bars", "checks", "dots", "mottled", "blocks")

HAIR = ("bald", "short", "long", "bun", "cap")

# linear light reflected by skin, from light to dark
_SKIN = np.array(
    [
        (0.78, 0.55, 0.42),
        (0.62, 0.40, 0.28),
        (0.45, 0.27, 0.17),
        (0.25, 0.13, 0.08),
        (0.10, 0.055, 0.035),
    ]
)
# and by hair, from black to grey
_HAIR = np.array(
    [
        (0.012, 0.010, 0.010),
        (0.06, 0.03, 0.015),
        (0.18, 0.09, 0.04),
        (0.50, 0.34, 0.15),
        (0.40, 0.40, 0.40),
    ]
)


@dataclass(frozen=True, eq=False)
class Material:
    """How a surface reflects light.

    color, second  linear RGB of the ground and of the pattern.
    pattern        one of `PATTERNS`.
    scale          size of the pattern, metres.
    gloss          share of light that is mirrored, 0 to 1.
    wrinkles       how much folds turn the surface, 0 to 1.
    shift          of the pattern, so that no two are alike.
    """

    color: Float[np.ndarray, " D"]
    second: Float[np.ndarray, " D"]
    pattern: str = "plain"
    scale: float = 0.1
    gloss: float = 0.03
    wrinkles: float = 0.0
    shift: float = 0.0


@dataclass(frozen=True, eq=False)
class Look:
    """One person's build and clothes. Lengths are metres, "along" as in `body`.

    girth       factor on all radii; shoulders, hips: further ones on parts of the trunk.
    belly       metres that the trunk is deeper in front at the waist; bust at the chest.
    head        factor on the head's size.
    waist       along the trunk where the top ends below, collar where it ends above.
    sleeve      along the arms where sleeves end, trousers along the legs.
    loose       how far the top stands off, and the trousers; flare: more of it towards the ankles.
    skirt       along the legs where a skirt ends, 0 for none.
    opening     half width in front where an open top shows what is below it, metres, 0 for none.
    hair        one of `HAIR`; beard: whether there is one.
    materials   skin, hair, top, below (it), trousers, skirt, shoes, cap.
    """

    girth: float
    shoulders: float
    hips: float
    belly: float
    bust: float
    head: float
    waist: float
    collar: float
    sleeve: float
    trousers: float
    loose: tuple[float, float]
    flare: float
    skirt: float
    opening: float
    hair: str
    beard: bool
    materials: dict[str, Material]


def draw_material(rng: np.random.Generator, cloth: bool = True) -> Material:
    """Draw a surface: saturated now and then, mostly dull, half of them plain."""
    color, second = draw_color(rng), draw_color(rng)
    if rng.random() < 0.5:  # patterns are often shades of one colour
        second = np.clip(color * rng.uniform(0.25, 3.0), 0.01, 0.9)
    plain = rng.random() < 0.5
    return Material(
        color=color,
        second=second,
        pattern="plain" if plain else str(rng.choice(PATTERNS[1:])),
        scale=float(np.exp(rng.uniform(np.log(0.02), np.log(0.2)))),
        gloss=float(rng.uniform(0.0, 0.08 if cloth else 0.25)),
        wrinkles=float(rng.uniform(0.2, 1.0)) if cloth else 0.0,
        shift=float(rng.uniform(0.0, 100.0)),
    )


def draw_color(rng: np.random.Generator) -> Float[np.ndarray, " D"]:
    """Draw a colour, from black to white: browns and blues most, seldom a loud one."""
    kind = rng.random()
    hue = (rng.normal(0.07, 0.04), rng.normal(0.61, 0.05), rng.random())[int(kind * 3)] % 1
    saturation, value = rng.beta(1.1, 2.4), rng.uniform(0.05, 0.97)
    wheel = np.clip(np.abs((hue * 6 + np.array([0.0, 4.0, 2.0])) % 6 - 3) - 1, 0, 1)
    srgb: np.ndarray = value * (1 - saturation * (1 - wheel))
    return srgb**2.2


def draw_look(rng: np.random.Generator) -> Look:
    """Draw a person."""
    shape = rng.normal(0.0, 1.0)  # broad shoulders against broad hips
    heavy = rng.normal(0.0, 1.0)
    top, trousers = draw_material(rng), draw_material(rng)
    skin = _mix(_SKIN, rng.uniform(0, len(_SKIN) - 1)) * (1 + 0.04 * rng.normal(size=3))
    hair = _mix(_HAIR, (len(_HAIR) - 1) * rng.beta(0.8, 1.6))
    sleeve = float(rng.choice([0.12, 0.45, 0.75, 1.2, 1.95], p=[0.1, 0.35, 0.1, 0.1, 0.35]))
    skirt = float(rng.uniform(0.4, 1.6)) if rng.random() < 0.15 else 0.0
    if rng.random() < 0.1:  # tights, bare legs, overalls: one material for all
        trousers = Material(skin, skin) if rng.random() < 0.4 else top
    dress = skirt > 0 and rng.random() < 0.5
    return Look(
        girth=float(np.exp(0.06 * heavy + rng.normal(0.0, 0.04))),
        shoulders=float(1 + 0.05 * shape),
        hips=float(1 - 0.05 * shape + 0.03 * heavy),
        belly=float(max(0.0, 0.03 * heavy)),
        bust=float(max(0.0, -0.015 * shape)),
        head=float(rng.normal(1.0, 0.04)),
        waist=float(rng.uniform(0.7, 1.7)),
        collar=float(rng.uniform(2.85, 3.25)),
        sleeve=sleeve + float(rng.uniform(-0.08, 0.08)) * (sleeve < 1.9),
        trousers=float(
            rng.choice([rng.uniform(0.35, 1.0), rng.uniform(1.0, 1.7), 1.95], p=[0.2, 0.1, 0.7])
        ),
        loose=(float(rng.gamma(2.0, 0.006)), float(rng.gamma(2.0, 0.005))),
        flare=float(rng.gamma(1.0, 0.012)),
        skirt=skirt,
        opening=float(rng.uniform(0.02, 0.07)) if rng.random() < 0.2 else 0.0,
        hair=str(rng.choice(HAIR, p=[0.08, 0.45, 0.22, 0.1, 0.15])),
        beard=bool(rng.random() < 0.15),
        materials={
            "skin": Material(skin, skin, gloss=0.05),
            "hair": Material(hair, hair * 1.5, "bars", 0.012, gloss=0.08),
            "top": top,
            "below": draw_material(rng),
            "trousers": trousers,
            "skirt": top if dress else draw_material(rng),
            "shoes": draw_material(rng, cloth=False),
            "cap": draw_material(rng),
        },
    )


def _mix(table: Float[np.ndarray, "N D"], place: float) -> Float[np.ndarray, " D"]:
    """Interpolate between the rows of a table."""
    low = min(int(place), len(table) - 2)
    mixed: np.ndarray = table[low] + (table[low + 1] - table[low]) * (place - low)
    return mixed


def _trousers(rng: np.random.Generator) -> float:
    """Draw how long trousers are: shorts, something between, long ones."""
    kind = rng.choice(3, p=[0.2, 0.1, 0.7])
    return (float(rng.uniform(0.35, 1.0)), float(rng.uniform(1.0, 1.7)), 1.95)[kind]
