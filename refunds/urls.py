from django.urls import path

from refunds import views

urlpatterns = [
    path("applications/<slug:reference>/withdraw/", views.withdraw, name="application_withdraw"),
    path("invoices/<slug:number>/refund/", views.ask, name="refund_ask"),
    path("refunds/", views.refunds, name="refunds"),
    path("refunds/<slug:number>/", views.refund, name="refund"),
    path("refunds/<slug:number>/account/", views.give_account, name="refund_account"),
    path("refunds/<slug:number>/withdraw/", views.withdraw_ticket, name="refund_withdraw"),
    path("refunds/<slug:number>/again/", views.ask_again, name="refund_again"),
]
