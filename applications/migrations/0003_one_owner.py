"""A paper attached to a case, and the case, belong to one practitioner: composite keys that Django cannot declare (I19)."""

from django.db import migrations

ADD = """
    ALTER TABLE applications_attachment
        ADD CONSTRAINT attachment_case_owner FOREIGN KEY (application_id, practitioner_id)
            REFERENCES applications_application (id, practitioner_id) DEFERRABLE INITIALLY IMMEDIATE,
        ADD CONSTRAINT attachment_paper_owner FOREIGN KEY (paper_id, practitioner_id)
            REFERENCES documents_paper (id, practitioner_id) DEFERRABLE INITIALLY IMMEDIATE;
"""
DROP = """
    ALTER TABLE applications_attachment
        DROP CONSTRAINT attachment_case_owner,
        DROP CONSTRAINT attachment_paper_owner;
"""


class Migration(migrations.Migration):
    dependencies = [("applications", "0002_initial")]
    operations = [migrations.RunSQL(ADD, DROP)]
