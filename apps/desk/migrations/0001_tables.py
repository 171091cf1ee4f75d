import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('desk', '0001_saved_views'),
    ]

    initial = True

    dependencies = [
        ('users', '0001_tables'),
        ('users', '__first__'),
    ]

    operations = [
        migrations.CreateModel(
            name='Export',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('list', models.CharField(max_length=20)),
                ('made_at', models.DateTimeField()),
                ('rows', models.IntegerField()),
                ('made_by', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='SavedView',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('list', models.CharField(max_length=20)),
                ('name', models.CharField(max_length=60)),
                ('spec', models.JSONField()),
                ('is_first', models.BooleanField(default=False, help_text="what its owner's list opens with")),
                ('changed_at', models.DateTimeField()),
                ('version', models.IntegerField(default=1)),
                ('desk', models.ForeignKey(help_text='shared with it', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.desk')),
                ('owner', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['name', 'pk'],
                'constraints': [models.UniqueConstraint(fields=('owner', 'list', 'name'), name='a_view_of_a_person_has_a_name_of_its_own'), models.UniqueConstraint(condition=models.Q(('is_first', True)), fields=('owner', 'list'), name='a_list_opens_with_one_view')],
            },
        ),
    ]
