"""The page of history as Django REST framework's tutorial would have it: what ours is compared with.

The same rows with the same fields for the same bearer of a token, checked alike, through `ModelSerializer`; mentions
and reactions are prefetched, as its documentation advises.
"""

from typing import Any

from django.db.models import QuerySet
from django.urls import path
from rest_framework.generics import ListAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.renderers import JSONRenderer
from rest_framework.serializers import ModelSerializer, SlugRelatedField

from accounts.authentication import Bearer
from chat import queries
from chat.models import Message, Reaction


class ReactionSerializer(ModelSerializer[Reaction]):
    class Meta:
        model = Reaction
        fields = ["emoji", "user"]


class MessageSerializer(ModelSerializer[Message]):
    mentions: Any = SlugRelatedField("user_id", source="mention_rows", many=True, read_only=True)
    reactions = ReactionSerializer(source="reaction_rows", many=True, read_only=True)

    class Meta:
        model = Message
        fields = [
            *("id", "room", "seq", "rev", "kind", "author", "content", "edited_at", "deleted_at", "deleted_by"),
            *("reply_to", "mentions", "reactions", "nonce", "created_at"),
        ]


class Newest(CursorPagination):
    page_size = 50
    ordering = "-seq"


class History(ListAPIView[Message]):
    serializer_class = MessageSerializer
    authentication_classes = [Bearer]
    renderer_classes = [JSONRenderer]
    pagination_class = Newest

    def get_queryset(self) -> QuerySet[Message]:
        actor: Any = self.request.auth
        room, _ = queries.readable_room(actor, self.kwargs["room_id"])
        return Message.objects.filter(room=room).prefetch_related("mention_rows", "reaction_rows")


urlpatterns = [path("api/v1/by-serializer/<uuid:room_id>", History.as_view())]
