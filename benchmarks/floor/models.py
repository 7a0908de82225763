from django.db import models


class Application(models.Model):
    """A row of tables.sql."""

    number = models.TextField(unique=True)
    owner_id = models.BigIntegerField()
    status = models.TextField()
    applicant_name = models.TextField()
    email = models.TextField()
    licence_type = models.TextField()
    fee = models.DecimalField(max_digits=10, decimal_places=2)
    payment_deadline = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(null=True)
    note = models.TextField()

    class Meta:
        managed = False
        app_label = "floor"
        db_table = "floor_application"

    def __str__(self) -> str:
        return self.number
