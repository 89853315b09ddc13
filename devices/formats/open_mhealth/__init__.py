"""Open mHealth data points, `POST /v1/open-mhealth`: one or an array, with Open mHealth's header, that of IEEE 1752.1,
or none. schema.py: what is read of them. times.py: when it was. body.py: a request's points, brought to reading sets.
"""
