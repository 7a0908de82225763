"""The policies of refunds at the first start, and the values that each can take."""

POLICIES = {
    "refund.percent": (50, "seeds"),
    "refund.window_days": (30, "seeds say one month"),
    "refund.window_basis": (1, "seeds: 1 = from the submission; the authority's site: 2 = from the payment"),
    "refund.decide_days": (15, "seeds"),
    "refund.collect_days": (14, "seeds"),
    "refund.business_days": (0, "seeds say days; the authority's site: 1 = business days"),
}
LIMITS = {
    "refund.percent": (1, 100),
    "refund.window_basis": (1, 2),
    "refund.business_days": (0, 1),
}
