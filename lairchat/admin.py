from django.contrib.admin import AdminSite


class LairAdminSite(AdminSite):
    """The desk."""

    site_header = "Lair Chat"
    site_title = "Lair Chat"
    index_title = "Desk"
