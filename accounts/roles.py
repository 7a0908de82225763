"""The one table of who is who: staff groups and what each may do, with least privilege (STF-1)."""

from django.contrib.auth.models import Group, Permission

VIEW_CASES = [
    "applications.view_application",
    "applications.view_entry",
    "applications.view_attachment",
    "applications.view_returnitem",
    "documents.view_paper",
    "accounts.view_practitioner",
]
VIEW_MONEY = ["payments.view_invoice", "payments.view_payment", "payments.view_credit", "payments.view_attempt"]
VIEW_REGISTER = [
    "register.view_classification",
    "register.view_registration",
    "register.view_period",
    "register.view_issuedpaper",
]

ROLES: dict[str, list[str]] = {
    "reviewer": [*VIEW_CASES, "applications.review_application"],
    "approver": [*VIEW_CASES, "applications.endorse_application"],
    "register officer": [*VIEW_CASES, *VIEW_REGISTER, "register.change_issuedpaper", "applications.issue_application"],
    "finance officer": ["applications.view_application", *VIEW_MONEY],
    "auditor": [*VIEW_CASES, *VIEW_MONEY, *VIEW_REGISTER, "payments.view_webhookevent", "accounts.view_notice"],
    "administrator": [
        "accounts.view_user",
        "accounts.change_user",
        "auth.view_group",
        "kit.view_policyvalue",
        "kit.add_policyvalue",
        "applications.view_fee",
        "applications.add_fee",
        "applications.view_returnreason",
        "applications.add_returnreason",
        "applications.change_returnreason",
        "register.view_profession",
        "register.view_specialty",
        "register.view_rank",
        "register.change_rank",
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
