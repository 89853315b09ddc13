"""The way through a virtual ward: referred, accepted, admitted, reviewed, discharged."""
