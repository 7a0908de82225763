from django.urls import path

from payments import views, webhooks

urlpatterns = [
    path("invoices/<slug:number>/", views.invoice, name="invoice"),
    path("invoices/<slug:number>/pay/", views.pay, name="invoice_pay"),
    path("invoices/<slug:number>/papers/<slug:kind>/", views.invoice_paper, name="invoice_paper"),
    path("bills/<uuid:given_id>/", views.bill, name="bill"),
    path("payments/<uuid:given_id>/", views.payment_return, name="payment_return"),
    path("payments/notifications/", webhooks.receive, name="payment_notifications"),
]
