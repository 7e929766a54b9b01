"""The colours of what is drawn; the sheet it stands on has its own."""

from matplotlib.colors import LinearSegmentedColormap

from components.figures.sheet import PAPER

BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
"""Okabe & Ito 2008: told apart by colour-blind people too."""
SCORES = "cividis"
"""From bad to good, also for colour-blind people and in grey (Nunez et al. 2018)."""
RIGHT = LinearSegmentedColormap.from_list("right", [PAPER, "#7FB8DA", BLUE, "#003F63"])
WRONG = LinearSegmentedColormap.from_list("wrong", [PAPER, "#F3B98A", VERMILION, "#7A3600"])
