import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('audit', '0001_initial'),
        ('audit', '0002_initial'),
    ]

    initial = True

    dependencies = [
        ('users', '__first__'),
    ]

    operations = [
        migrations.CreateModel(
            name='Seal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('made_at', models.DateTimeField()),
                ('last_entry', models.BigIntegerField()),
                ('entries', models.BinaryField()),
                ('holes', models.JSONField(default=list)),
                ('count', models.IntegerField()),
                ('root', models.CharField(max_length=64)),
                ('previous_root', models.CharField(max_length=64, unique=True)),
                ('signature', models.CharField(max_length=128)),
                ('public_key', models.CharField(max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name='ActRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('via', models.CharField(max_length=20)),
                ('reason', models.TextField(blank=True, default='')),
                ('request_ref', models.CharField(blank=True, default='', max_length=64)),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('cause', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='audit.actrow')),
            ],
            options={
                'db_table': 'audit_act',
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event', models.CharField(max_length=60)),
                ('listener', models.CharField(max_length=80)),
                ('first_entry', models.BigIntegerField()),
                ('last_entry', models.BigIntegerField()),
                ('status', models.CharField(choices=[('OPEN', 'Open'), ('DONE', 'Done'), ('PARKED', 'Parked')], default='OPEN', max_length=8)),
                ('attempts', models.IntegerField(default=0)),
                ('made_at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('done_at', models.DateTimeField(null=True)),
                ('error', models.TextField(blank=True, default='')),
                ('act', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='audit.actrow')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('status', 'OPEN')), fields=['due_at'], name='open_promises'), models.Index(condition=models.Q(('status', 'PARKED')), fields=['id'], name='parked_promises')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('done_at__isnull', False), ('status', 'DONE')), models.Q(('status', 'DONE'), _negated=True), _connector='OR'), name='done_says_when')],
            },
        ),
        migrations.CreateModel(
            name='Entry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event', models.CharField(max_length=60)),
                ('subject', models.CharField(max_length=30)),
                ('subject_id', models.BigIntegerField()),
                ('nth', models.IntegerField()),
                ('payload', models.JSONField()),
                ('act', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='audit.actrow')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('subject', 'subject_id', 'nth'), name='each_change_of_a_subject_has_one_entry'), models.CheckConstraint(condition=models.Q(('nth__gte', 1)), name='a_life_counts_from_one')],
            },
        ),
        migrations.CreateModel(
            name='KeptAnswer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=200)),
                ('service', models.CharField(max_length=80)),
                ('input_hash', models.CharField(max_length=64)),
                ('answer', models.JSONField(null=True)),
                ('act', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='audit.actrow')),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('by', 'key', 'service'), name='a_key_is_answered_once')],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='seal',
            trigger=pgtrigger.compiler.Trigger(name='is_never_changed', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='4966938a0f3eaf6cce5f3d70bb2a25bbed76c977', operation='UPDATE OR DELETE', pgid='pgtrigger_is_never_changed_c8864', table='audit_seal', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='seal',
            trigger=pgtrigger.compiler.Trigger(name='is_never_emptied', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='ee94adb2ec3bf5e62b52812c15d6768edb66c332', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_is_never_emptied_fe099', table='audit_seal', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='actrow',
            trigger=pgtrigger.compiler.Trigger(name='is_never_changed', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='9756c426869ce1e9e798505b02d1e949c8d03df8', operation='UPDATE OR DELETE', pgid='pgtrigger_is_never_changed_8a68e', table='audit_act', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='actrow',
            trigger=pgtrigger.compiler.Trigger(name='is_never_emptied', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='429452a3823dfbe97fab29b82ed51f0c165e74c0', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_is_never_emptied_298fd', table='audit_act', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='entry',
            trigger=pgtrigger.compiler.Trigger(name='is_never_changed', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='531e75860b880d9a2b75c5b4748150be47a6e223', operation='UPDATE OR DELETE', pgid='pgtrigger_is_never_changed_3e345', table='audit_entry', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='entry',
            trigger=pgtrigger.compiler.Trigger(name='is_never_emptied', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='c0cfa64e99f631242ea2d422781146aa0e88c293', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_is_never_emptied_51ce2', table='audit_entry', when='BEFORE')),
        ),
    ]
