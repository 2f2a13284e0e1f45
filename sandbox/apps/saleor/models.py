"""The two tables of Saleor's that are looked at."""

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone


class UserManager(BaseUserManager):  # type: ignore[misc]  # Django carries no types
    """Makes users; `manage.py createsuperuser` calls it."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make a user who can log in with `password`, or cannot when that is None."""
        user: User = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make a user who may do everything."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser):  # type: ignore[misc]  # Django carries no types
    """A customer or a member of the staff."""

    email = models.EmailField(unique=True)
    first_name = models.CharField(max_length=256, blank=True)
    last_name = models.CharField(max_length=256, blank=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    is_superuser = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=timezone.now)

    USERNAME_FIELD = "email"
    objects = UserManager()

    class Meta:
        """Where the rows are; the database's SQL makes the table."""

        managed = False
        db_table = "account_user"

    def __str__(self) -> str:
        return str(self.email)


class Product(models.Model):  # type: ignore[misc]  # Django carries no types
    """Something on sale."""

    name = models.CharField(max_length=250)
    slug = models.SlugField(max_length=255, unique=True)

    class Meta:
        """Where the rows are; the database's SQL makes the table."""

        managed = False
        db_table = "product_product"

    def __str__(self) -> str:
        return str(self.name)
