"""The one table of who is who: staff groups and what each may do, with least privilege (STF-1)."""

from django.contrib.auth.models import Group, Permission

VIEW_WALLET = [
    "documents.view_paper",
    "documents.view_qualification",
    "documents.view_experience",
    "documents.view_licence",
    "documents.view_verification",
]
VIEW_CASES = [
    "applications.view_application",
    "applications.view_entry",
    "applications.view_attachment",
    "applications.view_returnitem",
    "accounts.view_practitioner",
    *VIEW_WALLET,
]
VIEW_MONEY = [
    "payments.view_invoice",
    "payments.view_payment",
    "payments.view_credit",
    "payments.view_attempt",
    "payments.view_posting",
    "payments.view_statement",
    "payments.view_statementline",
    "payments.view_difference",
]
VIEW_REFUNDS = ["refunds.view_ticket", "refunds.view_transferfile"]
VIEW_EXEMPTIONS = ["payments.view_exemption"]
VIEW_EXAMS = [
    "applications.view_eligibilitynumber",
    "applications.view_examresult",
    "applications.view_resultsfile",
    "applications.view_matter",
]
VIEW_CPD = ["cpd.view_hours", "cpd.view_requirement", "cpd.view_cap"]
VIEW_REGISTER = [
    "register.view_classification",
    "register.view_registration",
    "register.view_period",
    "register.view_issuedpaper",
    "register.view_sanction",
]

ROLES: dict[str, list[str]] = {
    "reviewer": [
        *VIEW_CASES,
        "applications.review_application",
        "applications.change_deadline",
        *VIEW_EXEMPTIONS,
        "payments.recommend_exemption",
    ],
    "approver": [
        *VIEW_CASES,
        "applications.endorse_application",
        "applications.change_deadline",
        "applications.decide_appeal",
        "applications.view_matter",
        "applications.change_matter",
    ],
    "verification officer": [
        "accounts.view_practitioner",
        *VIEW_WALLET,
        "documents.record_verification",
    ],
    "exam officer": [
        "applications.view_application",
        "accounts.view_practitioner",
        *VIEW_EXAMS,
        "applications.record_result",
        "applications.add_resultsfile",
        "applications.change_matter",
    ],
    "register officer": [
        *VIEW_CASES,
        *VIEW_REGISTER,
        "register.change_issuedpaper",
        "register.add_sanction",
        "register.change_sanction",
        "applications.issue_application",
    ],
    "CPD officer": [
        *VIEW_CASES,
        "register.view_registration",
        "register.view_period",
        "cpd.view_hours",
        "cpd.add_hours",
        "cpd.change_hours",
    ],
    "finance officer": [
        "applications.view_application",
        "applications.change_deadline",
        "kit.view_alarm",
        "kit.change_alarm",
        *VIEW_MONEY,
        *VIEW_REFUNDS,
        "payments.close_difference",
        "refunds.decide_ticket",
        "refunds.pay_ticket",
        *VIEW_EXEMPTIONS,
        "payments.decide_exemption",
    ],
    "finance head": [
        "applications.view_application",
        *VIEW_MONEY,
        *VIEW_REFUNDS,
        "refunds.endorse_overrule",
        "refunds.pay_ticket",
        *VIEW_EXEMPTIONS,
        "payments.decide_exemption",
    ],
    "auditor": [
        *VIEW_CASES,
        *VIEW_MONEY,
        *VIEW_REFUNDS,
        *VIEW_REGISTER,
        *VIEW_CPD,
        *VIEW_EXAMS,
        *VIEW_EXEMPTIONS,
        "payments.view_webhookevent",
        "accounts.view_notice",
        "kit.view_alarm",
    ],
    "administrator": [
        "accounts.view_user",
        "accounts.change_user",
        "auth.view_group",
        "kit.view_policyvalue",
        "kit.add_policyvalue",
        "kit.view_holiday",
        "kit.add_holiday",
        "kit.change_holiday",
        "kit.view_alarm",
        "applications.view_fee",
        "applications.add_fee",
        "applications.view_exampolicy",
        "applications.add_exampolicy",
        "applications.view_returnreason",
        "applications.add_returnreason",
        "applications.change_returnreason",
        "register.view_profession",
        "register.change_profession",
        "register.view_specialty",
        "register.view_rank",
        "register.change_rank",
        "register.view_exam",
        "register.view_promotion",
        "register.change_promotion",
        "cpd.view_requirement",
        "cpd.add_requirement",
        "cpd.view_cap",
        "cpd.add_cap",
    ],
}


def load_roles() -> None:
    """Make every group hold exactly its permissions. Raises LookupError when the table names one that does not exist."""
    known = {
        f"{one.content_type.app_label}.{one.codename}": one for one in Permission.objects.select_related("content_type")
    }
    for name, permissions in ROLES.items():
        if missing := [permission for permission in permissions if permission not in known]:
            raise LookupError(f"role {name!r} names unknown permissions: {missing}")
        group, _created = Group.objects.get_or_create(name=name)
        group.permissions.set([known[permission] for permission in permissions])
