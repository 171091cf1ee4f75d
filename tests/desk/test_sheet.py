"""The shell itself: text that can be read in both themes, and pages a strict Content-Security-Policy lets through."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOKENS = (ROOT / "static/css/tokens.css").read_text()
LIGHT, DARK = 0, 1
GROUNDS = ["bg", "panel", "raised"]


def colours(theme: int) -> dict[str, tuple[float, ...]]:
    pairs = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", TOKENS)
    return {name: tuple(int(both[theme][i : i + 2], 16) / 255 for i in (1, 3, 5)) for name, *both in pairs}


def luminance(colour: tuple[float, ...]) -> float:
    """WCAG 2.2, relative luminance of an sRGB colour."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def mixed(top: tuple[float, ...], ground: tuple[float, ...], share: float) -> tuple[float, ...]:
    return tuple(t * share + g * (1 - share) for t, g in zip(top, ground, strict=True))


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_text_is_read_at_4_5_to_1_on_every_ground(theme):
    is_ = colours(theme)
    text = ["ink", "ink-2", "ink-3", "accent", "buy", "sell", "ok", "warn", "bad", "idle"]
    grounds = {name: is_[name] for name in GROUNDS}
    tint = int(re.findall(r"(\d+)%", re.search(r"--tint:.*", TOKENS)[0])[theme]) / 100
    grounds |= {f"chosen {name}": mixed(is_["accent"], is_[name], tint) for name in ("bg", "panel")}
    poor = {
        (word, ground): round(contrast(is_[word], colour), 2)
        for word in text
        for ground, colour in grounds.items()
        if contrast(is_[word], colour) < 4.5
    }

    assert poor == {}


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_words_on_a_filled_ground_and_outlines_of_controls_are_seen(theme):
    is_ = colours(theme)

    for fill in ("accent", "warn", "bad"):
        assert contrast(is_[f"{fill}-ink"], is_[fill]) >= 4.5, fill
    for line in ("edge", "focus"):
        for ground in GROUNDS:
            assert contrast(is_[line], is_[ground]) >= 3, (line, ground)


def test_only_the_tokens_name_a_colour():
    sheet = (ROOT / "static/css/app.css").read_text()

    assert [c for c in re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[;\s)])", sheet) if c != "#fff"] == []


TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda t: str(t.relative_to(ROOT / "templates")))
def test_no_template_needs_an_inline_script_style_or_handler(template):
    text = template.read_text()

    assert not re.search(r"<style\b|\sstyle\s*=|\son\w+\s*=\s*[\"']|\shx-on|javascript:", text)
    scripts = re.findall(r"<script\b([^>]*)>", text)
    assert [s for s in scripts if " src=" not in s and "application/json" not in s] == []


def test_the_scripts_stay_small():
    assert sum(f.stat().st_size for f in (ROOT / "static/js").glob("*.js")) < 64_000
