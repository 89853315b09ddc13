"""What the measures share: one seeded installation on disk, the people in it, and what they post."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from pathlib import Path
from typing import Final

from devices.simulator import PROFILES, Patient, bulk, cohort
from monitoring.clock import utc_now
from tests.benchmarks import up
from tests.benchmarks.scale import SETS_PER_ARRAY, Scale
from tests.benchmarks.seeding import forget, seed, token_of
from tests.benchmarks.up import Up

SEED: Final = 2026
SLOT: Final = timedelta(minutes=10)
"""Single sets were taken in the last ten minutes: everybody's slot has come."""

WORN: Final = timedelta(minutes=1)
"""Sets in arrays were taken every minute, as by something worn."""


@dataclass(slots=True)
class House:
    """An installation with all its patients. It is made when somebody first asks for it."""

    folder: Path
    scale: Scale
    say: Callable[[str], None]
    seeded: bool = False
    patients: list[Patient] = field(default_factory=list)
    _until: datetime = datetime(2000, 1, 1, tzinfo=UTC)  # the newest single set was taken before
    _lives: Iterator[int] = field(default_factory=count)

    @contextmanager
    def open(self, *, settle: bool = True, environment: Mapping[str, str] | None = None) -> Iterator[Up]:
        """`up` on the seeded folder."""
        self.make()
        with up.running(self.data, settle=settle, environment=environment) as running:
            yield running

    @property
    def data(self) -> Path:
        """The folder that `up` keeps."""
        return self.folder / "data"

    def make(self) -> None:
        """Admit all patients, once."""
        if self.seeded:
            return
        self.say(f"admitting {self.scale.patients:,} patients")
        right = [replace(one, hub=replace(one.hub, clock_offset_s=0)) for one in self._cohort()]
        self.patients = right  # a wrong clock would have sets kept aside, which are not counted here
        with up.running(self.data) as running:
            seed(running, self.patients)
        self.seeded = True

    def singles(self, up: Up, posts: int) -> Path:
        """A file of single sets, one patient after the other, all taken after those of the file before.

        What was known of anybody is forgotten, as for `arrays`.
        """
        now = utc_now()
        since = max(now - SLOT, self._until)
        rounds = -(-posts // len(self.patients))
        every = max((now - since) / rounds, timedelta(seconds=1))
        self._until = since + every * rounds
        return self._bodies(up, posts, 1, since, every)

    def arrays(self, up: Up, posts: int) -> Path:
        """A file of arrays, each of another patient as long as there are any."""
        rounds = -(-posts // len(self.patients))
        return self._bodies(up, posts, SETS_PER_ARRAY, utc_now() - WORN * SETS_PER_ARRAY * rounds, WORN)

    def _bodies(self, up: Up, posts: int, per_post: int, since: datetime, every: timedelta) -> Path:
        with up.owner() as connection:
            forget(connection, utc_now())
        life = next(self._lives) * 1_000_000  # other ids and other values than ever before
        these = [replace(one, number=one.number + life) for one in self.patients[:posts]]
        sent = bulk(these, since, every, SEED, per_post)
        return self.write((post.patient.number - life, post.body) for post in islice(sent, posts))

    def write(self, posts: Iterable[tuple[int, bytes]]) -> Path:
        """A file for wrk: the token of a patient's device and a body per line."""
        file = self.folder / "posts"
        with file.open("wb") as out:
            for number, body in posts:
                out.write(b"%s\t%s\n" % (token_of(number).encode(), body))
        return file

    def _cohort(self) -> list[Patient]:
        return cohort(tuple(PROFILES), self.scale.patients, SEED)


@contextmanager
def temporary(scale: Scale, say: Callable[[str], None], name: str = "") -> Iterator[House]:
    """A house in a temporary folder, which is removed with all that is in it."""
    with tempfile.TemporaryDirectory(prefix=f"vw-bench-{name}", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)  # under root the servers run as another account
        yield House(Path(folder), scale, say)
