"""Class names show in any script that a font at hand has, and never as boxes."""

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager

from components.figures import lettering, sheet
from components.figures.confusion_matrix import save_matrix
from components.figures.mistakes import Mistake, save_mistakes

DOG, CAT = "犬", "猫"


def font(path, family, letters):
    """A font whose every letter is the same filled square."""
    pen = TTGlyphPen(None)
    for number, point in enumerate([(0, 0), (0, 700), (700, 700), (700, 0)]):
        (pen.lineTo if number else pen.moveTo)(point)
    pen.closePath()
    square = pen.glyph()
    names = [".notdef", *(f"u{ord(letter):X}" for letter in letters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(letter): f"u{ord(letter):X}" for letter in letters})
    builder.setupGlyf(dict.fromkeys(names, square))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (800, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return str(path)


@pytest.fixture
def at_hand(tmp_path, monkeypatch):
    """A function that puts fonts, by family with their letters, in the place of the system's."""
    known = list(font_manager.fontManager.ttflist)

    def have(**fonts):
        paths = [font(tmp_path / f"{name}.ttf", name, held) for name, held in fonts.items()]
        monkeypatch.setattr(font_manager, "findSystemFonts", lambda: paths)
        for cached in (lettering._beside, lettering._legible):
            cached.cache_clear()

    yield have
    font_manager.fontManager.ttflist[:] = known
    for cached in (lettering._beside, lettering._legible):
        cached.cache_clear()


def test_the_system_is_not_asked_for_what_the_own_font_has(monkeypatch):
    """Latin with accents, Greek, Cyrillic, Hebrew and Arabic cost nothing."""
    monkeypatch.setattr(font_manager, "findSystemFonts", None)
    names = ["Rötling", "γάτα", "кошка", "חתול", "قطة"]
    assert lettering.legible(names) == names
    assert lettering.families("".join(names)) == [lettering.OWN]


def test_the_fewest_fonts_that_have_the_letters_are_taken(at_hand):
    """One that has all of them before two that have one each; never one of mere boxes."""
    at_hand(LastResort=DOG + CAT, One=DOG, Other=CAT, Whole=DOG + CAT)
    assert lettering.families(f"a {DOG} and a {CAT}") == [lettering.OWN, "Whole"]
    at_hand(One=DOG, Other=CAT)
    assert {*lettering.families(DOG + CAT)} == {lettering.OWN, "One", "Other"}


def test_a_figure_shows_names_in_a_font_at_hand(at_hand, tmp_path, capfd, caplog):
    """Nothing is complained of; a letter that were drawn as a box would be."""
    at_hand(One=DOG + CAT)
    save_matrix(tmp_path / "matrix.png", np.diag([3, 4]), [DOG * 9, CAT * 9])
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_names_that_no_font_has_stand_as_number_and_codes_and_that_is_said_once(
    at_hand, tmp_path, capfd
):
    """Matplotlib has nothing to warn of, which would be an error here."""
    at_hand()
    shown = lettering.legible(["cat", DOG, "a" + CAT])
    assert shown == ["cat", r"1 \u72ac", r"2 a\u732b"]
    save_matrix(tmp_path / "a.png", np.diag([3, 4, 5]), ["cat", DOG, "a" + CAT])
    pixels = np.full((12, 12, 3), 200, np.uint8)
    one = Mistake(image=pixels, predicted=shown[1], confidence=0.9, true=shown[2], path="a.png")
    save_mistakes(tmp_path / "b.png", [one], 1, 9)
    output, errors = capfd.readouterr()
    assert errors == ""
    (line,) = output.splitlines()
    assert line.startswith("no font at hand has all letters of 2 names, '犬' for one")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\nb", r"0 a\nb"),
        ("a\ud800b", r"0 a\ud800b"),
        ("a\u3000\u00a0b", "a  b"),
        ("\u202ea\u200db\ufeff", "ab"),
        ("$a$", "$a$"),
    ],
    ids=["line", "no letter", "blanks", "marks that steer", "formula"],
)
def test_what_is_no_letter_is_shown_or_left_out(at_hand, tmp_path, name, shown):
    """A name stays in one line and in its place."""
    at_hand()
    assert lettering.legible([name]) == [shown]
    save_matrix(tmp_path / "a.png", np.diag([3, 4]), [name, "b"])


def test_a_wide_letter_takes_the_place_of_two():
    """Names of Chinese letters fit where Latin ones of as many characters do."""
    assert sheet.shortened("a" * 11, 11) == "a" * 11
    assert sheet.shortened(DOG * 11, 11) == f"{DOG * 2}…{DOG * 2}"
    assert sheet.shortened(DOG * 5, 11) == DOG * 5
