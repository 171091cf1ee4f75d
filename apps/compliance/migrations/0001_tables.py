import apps.compliance.states
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('compliance', '0001_initial'),
        ('compliance', '0002_initial'),
        ('compliance', '0003_initial'),
        ('compliance', '0004_initial'),
        ('compliance', '0005_review_weight'),
    ]

    initial = True

    dependencies = [
        ('audit', '0001_tables'),
        ('orders', '0001_tables'),
        ('portfolios', '0001_tables'),
        ('reference', '0001_tables'),
        ('users', '__first__'),
    ]

    operations = [
        migrations.CreateModel(
            name='Rule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=40, unique=True)),
                ('name', models.CharField(max_length=120)),
                ('kind', models.CharField(help_text='which measure of the engine it uses', max_length=40)),
                ('citation', models.CharField(blank=True, default='', max_length=200)),
                ('status', models.CharField(default=apps.compliance.states.InForce['ACTIVE'], max_length=8)),
                ('version', models.IntegerField(default=1)),
            ],
        ),
        migrations.CreateModel(
            name='Check',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('order_version', models.IntegerField()),
                ('outcome', models.CharField(max_length=13)),
                ('results', models.JSONField()),
                ('inputs_hash', models.CharField(max_length=64)),
                ('rules_asked', models.IntegerField()),
                ('max_passing_qty', models.DecimalField(decimal_places=4, help_text='the largest quantity that passes every rule; null where it passed', max_digits=20, null=True)),
                ('binding_rule', models.CharField(blank=True, default='', max_length=40)),
                ('at', models.DateTimeField()),
                ('act', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='audit.actrow')),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.order')),
            ],
        ),
        migrations.CreateModel(
            name='Restriction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('direction', models.CharField(choices=[('ALL', 'All'), ('BUY', 'Buy'), ('SELL', 'Sell')], default='ALL', max_length=4)),
                ('reason', models.CharField(max_length=300)),
                ('effective_from', models.DateField()),
                ('effective_to', models.DateField(blank=True, null=True)),
                ('status', models.CharField(default=apps.compliance.states.InForce['ACTIVE'], max_length=8)),
                ('version', models.IntegerField(default=1)),
                ('instrument', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.instrument')),
                ('issuer', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.issuer')),
                ('portfolio', models.ForeignKey(blank=True, help_text='empty: the whole firm', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='portfolios.portfolio')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('instrument__isnull', True), ('issuer__isnull', False)), models.Q(('instrument__isnull', False), ('issuer__isnull', True)), _connector='OR'), name='restriction_names_an_issuer_or_an_instrument')],
            },
        ),
        migrations.CreateModel(
            name='Review',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('severity', models.CharField(default='SOFT', help_text='of the hardest rule that did not pass', max_length=8)),
                ('leading_rule', models.CharField(default='', help_text='the rule to look at first', max_length=40)),
                ('amount_usd', models.DecimalField(decimal_places=4, help_text='what the order was worth when it was held; null without a price', max_digits=20, null=True)),
                ('opened_at', models.DateTimeField()),
                ('decided_at', models.DateTimeField(null=True)),
                ('reason', models.TextField(blank=True, default='')),
                ('status', models.CharField(default=apps.compliance.states.R['WAITING'], max_length=10)),
                ('version', models.IntegerField(default=1)),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.order')),
                ('verdict', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='compliance.check')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('status', 'WAITING')), fields=['opened_at'], name='waiting_reviews')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('status', 'WAITING')), fields=('order',), name='an_order_waits_in_one_review'), models.CheckConstraint(condition=models.Q(('status__in', ['WAITING', 'WITHDRAWN']), models.Q(('decided_at__isnull', False), ('decided_by__isnull', False), models.Q(('reason', ''), _negated=True)), _connector='OR'), name='a_decision_has_its_person_and_reason')],
            },
        ),
        migrations.CreateModel(
            name='RuleVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.IntegerField()),
                ('params', models.JSONField(help_text='limits of the measure; numbers as text')),
                ('text', models.CharField(help_text='the rule as a sentence', max_length=400)),
                ('severity', models.CharField(choices=[('WARN', 'Warning'), ('SOFT', 'Soft'), ('HARD', 'Hard')], default='SOFT', max_length=8)),
                ('written_at', models.DateTimeField()),
                ('act', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='audit.actrow')),
                ('rule', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='compliance.rule')),
                ('written_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('rule', 'number'), name='rule_versions_count_up')],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='check',
            trigger=pgtrigger.compiler.Trigger(name='is_never_changed', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='610b54b7716c11063753e4f2ceb9e0ab55ff4e11', operation='UPDATE OR DELETE', pgid='pgtrigger_is_never_changed_a5045', table='compliance_check', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='ruleversion',
            trigger=pgtrigger.compiler.Trigger(name='is_never_changed', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='139c74baecbdd64ef48d9fce6346081f1a270669', operation='UPDATE OR DELETE', pgid='pgtrigger_is_never_changed_9e287', table='compliance_ruleversion', when='BEFORE')),
        ),
    ]
