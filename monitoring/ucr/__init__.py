"""Urgent community response: teams, referrals to them, the handover, and the two-hour clock."""
