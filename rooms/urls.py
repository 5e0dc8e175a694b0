from django.urls import path

from rooms.api import views

urlpatterns = [
    path("rooms", views.Rooms.as_view()),
    path("rooms/<str:room_id>", views.Room.as_view()),
    path("rooms/<str:room_id>/archive", views.Archive.as_view()),
    path("rooms/<str:room_id>/unarchive", views.Unarchive.as_view()),
    path("rooms/<str:room_id>/join", views.Join.as_view()),
    path("rooms/<str:room_id>/leave", views.Leave.as_view()),
    path("rooms/<str:room_id>/transfer", views.Transfer.as_view()),
    path("rooms/<str:room_id>/settings", views.Settings.as_view()),
    path("rooms/<str:room_id>/members", views.Members.as_view()),
    path("rooms/<str:room_id>/members/<str:user_id>", views.Member.as_view()),
    path("rooms/<str:room_id>/members/<str:user_id>/role", views.MemberRole.as_view()),
    path("rooms/<str:room_id>/bans", views.Bans.as_view()),
    path("rooms/<str:room_id>/bans/<str:user_id>", views.Ban.as_view()),
    path("rooms/<str:room_id>/mutes", views.Mutes.as_view()),
    path("rooms/<str:room_id>/mutes/<str:user_id>", views.Mute.as_view()),
    path("direct", views.Direct.as_view()),
    path("invitations", views.Invitations.as_view()),
    path("invitations/<str:invitation_id>", views.Invitation.as_view()),
    path("invitations/<str:invitation_id>/accept", views.Accept.as_view()),
    path("invitations/<str:invitation_id>/decline", views.Decline.as_view()),
]
