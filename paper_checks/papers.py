"""`Paper`: the papers whose claims are checked, by the key that claims name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper, or several that are read as one.

    Attributes
    ----------
    key
        As claims name it.
    authors
        With the year, as one cites it.
    title
        Empty where there are several.
    arxiv
        Numbers, the main one first.
    """

    key: str
    authors: str
    title: str = ""
    arxiv: tuple[str, ...] = ()


_PAPERS = (
    Paper(
        "martinetz",
        "J. Martinetz, C. Linse and T. Martinetz (2024)",
        "Rethinking generalization of classifiers in separable classes scenarios and over-parameterized "
        "regimes",
        ("2410.16868", "2211.03570"),
    ),
    Paper(
        "geiger",
        "M. Geiger et al. (2019)",
        "Scaling description of generalization with number of parameters in deep learning",
        ("1901.01608", "1809.09349", "1810.09665", "1906.08034"),
    ),
    Paper(
        "xiao",
        "L. Xiao, J. Pennington and S. Schoenholz (2020)",
        "Disentangling trainability and generalization in deep neural networks",
        ("1912.13053",),
    ),
    Paper(
        "banburski",
        "A. Banburski et al. (2020)",
        "Theory III: dynamics and generalization in deep networks",
        ("1903.04991",),
    ),
    Paper("classics", "The classics these papers rest on"),
)


def find_paper(key: str) -> Paper:
    """The paper with this key; one that only a package of somebody else's knows goes by its key."""
    return next((paper for paper in _PAPERS if paper.key == key), Paper(key, key))
