"""The board and the daily round: who is on a ward, who worries most, and what is still to be done for whom today."""
