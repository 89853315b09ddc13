"""Referrals from and to others as FHIR messages, in the shape of the Booking and Referral Standard (BaRS)."""
