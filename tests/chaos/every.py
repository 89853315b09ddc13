"""Every fault there is, by name."""

from typing import Final

from tests.chaos.faults import PROCESSES
from tests.chaos.faults_disks import DISKS
from tests.chaos.faults_lines import LINES
from tests.chaos.faults_replicas import REPLICAS

FAULTS: Final = {fault.name: fault for fault in (*PROCESSES, *LINES, *DISKS, *REPLICAS)}
