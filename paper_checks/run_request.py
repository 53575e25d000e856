"""`Request`: what is asked of a run, and the units of work that it takes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from genlaws.simulate.measurement import Source

from .claim import AnyExperiment, Budget, Claim, Device, Settings, SharedExperiment
from .execution import Task, Use
from .family_registry import family_revisions
from .looks import ONLY, Look
from .units import Measure, Role, Unit

_PACKAGED = "mnist5k"


def checksum_of_images(data: str | None) -> str | None:
    """Of images from files; None for those that come with the package, or that the claims name.

    Raises
    ------
    ValueError, OSError
        As in `load_images`.
    """
    if data is None or data == _PACKAGED:
        return None
    from genlaws.empirical.image_checksum import image_checksum

    return image_checksum(data)


@dataclass(frozen=True, slots=True)
class Request:
    """What is the same for all units of a run.

    Attributes
    ----------
    budget, seed, data, device
        As in `run_claims`.
    images
        Checksum of the images that `data` names; see `checksum_of_images`.
    """

    budget: Budget
    seed: int
    data: str | None
    images: str | None
    device: Device

    def settings(self, given: Settings) -> Settings:
        """The settings of a unit, with the images and the device asked for where it names any."""
        asked = {"data": self.data, "device": self.device}
        return {name: asked[name] if asked.get(name) is not None else value for name, value in given.items()}

    def tasks(self, claim: Claim, source: Source, look: Look = ONLY) -> list[Task]:
        """All units of a claim and of its control for one source, in the order their rows are joined.

        Units of shared work may be there twice, for the claim and for its control: see `merged`. Those of one
        look are among those of the next.

        Raises
        ------
        ValueError
            If there is none, or a family that is measured is not known.
        """
        experiments: tuple[tuple[Role, AnyExperiment], ...] = (
            ("claim", claim.experiments[source]),
            ("control", claim.as_tested_by(source).control.experiments[source]),
        )
        tasks: list[Task] = []
        for role, experiment in experiments:
            units = look.units(experiment.units(self.budget))
            if not units:
                raise ValueError(f"the {role} has no unit of work at budget {self.budget}")
            unit = Unit(
                claim=claim.id,
                source=source,
                role=role,
                index=0,
                settings={},
                seed=self.seed,
                revision=claim.revision,
                families=family_revisions(experiment.families),
            )
            measure: Measure
            if isinstance(experiment, SharedExperiment):
                work, reading = experiment.work, experiment.reading
                measure, unit = (
                    work.measure,
                    replace(unit, claim=work.name, role="shared", revision=work.revision),
                )
            else:
                measure, reading = experiment.measure, None
            for index, given in enumerate(units):
                images = self.images if "data" in given else None
                own = replace(unit, index=index, settings=self.settings(given), images=images)
                place = 2 * index + (role == "control")
                tasks.append(Task(own, measure, (Use(claim.id, source, role, place, reading),)))
        return tasks
