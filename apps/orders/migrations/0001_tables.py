import apps.orders.states
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.fields.json
import django.db.models.functions.comparison
import pgtrigger.compiler
import pgtrigger.migrations
import simple_history.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('orders', '0001_initial'),
        ('orders', '0002_initial'),
        ('orders', '0003_import_sheet_order_references_in_use'),
        ('orders', '0004_status_off_indexes'),
        ('orders', '0005_terms_few_orders_have'),
        ('orders', '0006_default_rules'),
        ('orders', '0007_own_fields'),
        ('orders', '0008_approvals'),
        ('orders', '0009_legs'),
        ('orders', '0010_imports_are_entered_by_a_worker'),
        ('orders', '0011_file_columns_by_template'),
        ('orders', '0012_proposals'),
        ('orders', '0013_quantity_by_intent'),
        ('orders', '0014_terms_by_name'),
        ('orders', '0015_locates_and_documents'),
        ('orders', '0016_approvals_of_all_terms'),
        ('orders', '0017_templates_can_be_removed'),
        ('orders', '0018_default_strategies_are_known'),
        ('orders', '0019_split_orders'),
        ('orders', '0020_defaults_by_own_fields'),
    ]

    initial = True

    dependencies = [
        ('portfolios', '0001_tables'),
        ('reference', '0001_tables'),
        ('users', '0001_tables'),
        ('users', '__first__'),
    ]

    operations = [
        migrations.CreateModel(
            name='Order',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('side', models.CharField(choices=[('BUY', 'Buy'), ('SELL', 'Sell'), ('SELL_SHORT', 'Sell short')], max_length=10)),
                ('qty', models.DecimalField(decimal_places=4, max_digits=20)),
                ('order_type', models.CharField(choices=[('MARKET', 'Market'), ('LIMIT', 'Limit'), ('STOP', 'Stop'), ('STOP_LIMIT', 'Stop limit'), ('PEGGED', 'Pegged')], default='MARKET', max_length=10)),
                ('limit_price', models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                ('tif', models.CharField(choices=[('DAY', 'Day'), ('GTC', 'Good till cancelled'), ('GTD', 'Good till a date'), ('IOC', 'Immediate or cancel'), ('FOK', 'Fill or kill'), ('OPG', 'On the open'), ('CLS', 'On the close')], default='DAY', max_length=4)),
                ('terms', models.JSONField(default=dict, help_text='what few orders say, as texts by the names of rules.HANDLING')),
                ('intent', models.JSONField(help_text='what the quantity was derived from: kind, value, held, price, net asset value, with their times', null=True)),
                ('instructions', models.CharField(blank=True, default='', max_length=200)),
                ('rationale', models.CharField(blank=True, default='', max_length=400)),
                ('client_ref', models.CharField(blank=True, default='', help_text="the sender's own reference", max_length=64)),
                ('decision_price', models.DecimalField(decimal_places=8, help_text='mid when the order was created', max_digits=20, null=True)),
                ('created_at', models.DateTimeField()),
                ('status', models.CharField(default=apps.orders.states.S['DRAFT'], max_length=10)),
                ('version', models.IntegerField(default=1)),
                ('filled_qty', models.DecimalField(decimal_places=4, default=0, max_digits=20)),
                ('cancelled_qty', models.DecimalField(decimal_places=4, default=0, max_digits=20)),
                ('defaulted', models.JSONField(help_text='what rules filled in where nothing was said: {field: {value, rule, id, because}}', null=True)),
                ('own', models.JSONField(help_text="values of the firm's own fields, by code", null=True)),
                ('created_by', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('currency', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.currency')),
                ('desk', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.desk')),
                ('instrument', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.instrument')),
                ('portfolio', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='portfolios.portfolio')),
                ('split_from', models.ForeignKey(db_index=False, help_text='the order as it was entered, of whose family this is a part', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='parts', to='orders.order')),
            ],
        ),
        migrations.CreateModel(
            name='Import',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('file_name', models.CharField(max_length=200)),
                ('sha256', models.CharField(max_length=64)),
                ('content', models.BinaryField()),
                ('sheet', models.BinaryField(help_text='its cells as text by line, once read (Arrow IPC)', null=True)),
                ('columns', models.JSONField(help_text='field to heading, where a person or a template said so', null=True)),
                ('words', models.JSONField(default=dict, help_text='field to {a word of theirs: ours}')),
                ('listings', models.JSONField(default=dict, help_text='a name that means several instruments: the one chosen')),
                ('rows', models.IntegerField(default=0)),
                ('rows_read', models.IntegerField(default=0, help_text='progress of staging')),
                ('bad_rows', models.IntegerField(default=0)),
                ('error', models.TextField(blank=True, default='')),
                ('created_at', models.DateTimeField()),
                ('status', models.CharField(default=apps.orders.states.ImportStatus['UPLOADED'], max_length=10)),
                ('version', models.IntegerField(default=1)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='ApprovalRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=40, unique=True)),
                ('name', models.CharField(max_length=120)),
                ('priority', models.IntegerField(default=100, help_text='the lowest that fits counts')),
                ('asset_class', models.CharField(blank=True, default='', help_text='empty: any', max_length=8)),
                ('min_usd', models.DecimalField(blank=True, decimal_places=4, help_text='orders worth this or more; an order without a price fits', max_digits=20, null=True)),
                ('severity', models.CharField(blank=True, choices=[('SOFT', 'Soft or hard'), ('HARD', 'Hard')], default='', help_text='only orders of which an officer overrode a rule this severe', max_length=8)),
                ('steps', models.JSONField()),
                ('minutes', models.IntegerField(blank=True, help_text='after which a waiting approval is escalated', null=True)),
                ('stands_when_less', models.BooleanField(default=False, help_text='an approval given stands where the order was made smaller or its limit tighter since')),
                ('status', models.CharField(default=apps.orders.states.ChainStatus['ACTIVE'], max_length=8)),
                ('version', models.IntegerField(default=1)),
                ('portfolio', models.ForeignKey(blank=True, help_text='empty: any', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='portfolios.portfolio')),
            ],
        ),
        migrations.CreateModel(
            name='Deputy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('status', models.CharField(default=apps.orders.states.DeputyStatus['NAMED'], max_length=8)),
                ('version', models.IntegerField(default=1)),
                ('deputy', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('person', models.F('deputy')), _negated=True), name='nobody_is_their_own_deputy'), models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='a_deputy_ends_after_beginning')],
            },
        ),
        migrations.CreateModel(
            name='Family',
            fields=[
                ('root', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='family', serialize=False, to='orders.order')),
                ('qty', models.DecimalField(decimal_places=4, max_digits=20)),
                ('made_at', models.DateTimeField(help_text='when it was first split')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('qty__gt', 0)), name='a_family_asks_for_a_quantity')],
            },
        ),
        migrations.CreateModel(
            name='Document',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120)),
                ('url', models.URLField(blank=True, default='', help_text='of a document kept elsewhere', max_length=400)),
                ('content', models.BinaryField(help_text='of a file kept here', null=True)),
                ('size', models.IntegerField(default=0, help_text='bytes')),
                ('sha256', models.CharField(blank=True, default='', help_text='of the content', max_length=64)),
                ('added_at', models.DateTimeField()),
                ('added_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='documents', to='orders.order')),
            ],
            options={
                'ordering': ['pk'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('content__isnull', False), ('url', '')), models.Q(models.Q(('url', ''), _negated=True), ('content', None)), _connector='OR'), name='a_document_is_a_file_or_an_address'), models.UniqueConstraint(fields=('order', 'name'), name='a_documents_name_is_given_once')],
            },
        ),
        migrations.CreateModel(
            name='Approval',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rule_version', models.IntegerField()),
                ('steps', models.JSONField(help_text='as the rule had them when this was opened')),
                ('step', models.IntegerField(default=0, help_text='how many of them are done')),
                ('qty', models.DecimalField(decimal_places=4, help_text='what is being agreed to', max_digits=20)),
                ('limit_price', models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                ('terms', models.JSONField(default=dict, help_text='with the rest of what is being agreed to: type, time in force, stop …')),
                ('amount_usd', models.DecimalField(decimal_places=4, max_digits=20, null=True)),
                ('overridden', models.CharField(blank=True, default='', help_text='severity of what an officer overrode', max_length=8)),
                ('opened_at', models.DateTimeField()),
                ('due_at', models.DateTimeField(null=True)),
                ('escalated_at', models.DateTimeField(null=True)),
                ('decided_at', models.DateTimeField(null=True)),
                ('status', models.CharField(default=apps.orders.states.ApprovalStatus['WAITING'], max_length=10)),
                ('version', models.IntegerField(default=1)),
                ('rule', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.approvalrule')),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.order')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('status', 'WAITING')), fields=['opened_at'], name='waiting_approvals')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('status', 'WAITING')), fields=('order',), name='an_order_waits_for_one_approval')],
            },
        ),
        migrations.AddField(
            model_name='order',
            name='batch',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.import'),
        ),
        migrations.CreateModel(
            name='ImportRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('line', models.IntegerField(help_text='line in the file, the heading being line 1')),
                ('raw', models.JSONField(help_text='cells by column name, as text')),
                ('problems', models.JSONField(default=list, help_text='[{field, message}]; empty where the row is good')),
                ('parsed', models.JSONField(help_text="the order's terms; null where the row is bad", null=True)),
                ('batch', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='orders.import')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('batch', 'line'), name='a_line_is_staged_once')],
            },
        ),
        migrations.CreateModel(
            name='ImportTemplate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('headings', models.JSONField()),
                ('signature', models.CharField(db_index=True, help_text='SHA-256 of the headings', max_length=64)),
                ('columns', models.JSONField(help_text='field of an order to the heading that holds it')),
                ('words', models.JSONField(default=dict, help_text='field to {a word of theirs: ours}')),
                ('saved_at', models.DateTimeField()),
                ('removed_at', models.DateTimeField(help_text='no more file is read by it; those that were still name it', null=True)),
                ('version', models.IntegerField(default=1)),
                ('desk', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.desk')),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('removed_at', None)), fields=('owner', 'name'), name='a_template_of_a_person_has_a_name_of_its_own')],
            },
        ),
        migrations.AddField(
            model_name='import',
            name='template',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.importtemplate'),
        ),
        migrations.CreateModel(
            name='Locate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('lender', models.CharField(max_length=60)),
                ('ref', models.CharField(help_text="the lender's number for it", max_length=40)),
                ('qty', models.DecimalField(decimal_places=4, max_digits=20)),
                ('expires_at', models.DateTimeField()),
                ('made_at', models.DateTimeField()),
                ('released_at', models.DateTimeField(null=True)),
                ('made_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='locates', to='orders.order')),
            ],
            options={
                'ordering': ['pk'],
                'constraints': [models.CheckConstraint(condition=models.Q(('qty__gt', 0)), name='a_locate_has_a_quantity'), models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('made_at'))), name='a_locate_expires_after_it_is_made'), models.UniqueConstraint(condition=models.Q(('released_at', None)), fields=('order', 'lender', 'ref'), name='a_locate_is_attached_once')],
            },
        ),
        migrations.CreateModel(
            name='OrderGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120)),
                ('kind', models.CharField(choices=[('PROGRAM', 'Program'), ('PAIR', 'Pair'), ('SPREAD', 'Spread or option strategy'), ('OCO', 'One cancels the other'), ('OTO', 'One triggers the other'), ('BRACKET', 'Bracket')], default='PROGRAM', max_length=20)),
                ('created_at', models.DateTimeField()),
                ('status', models.CharField(default=apps.orders.states.GroupStatus['OPEN'], max_length=12)),
                ('version', models.IntegerField(default=1)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.AddField(
            model_name='order',
            name='group',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.ordergroup'),
        ),
        migrations.CreateModel(
            name='Leg',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('LEG', 'Leg'), ('PARENT', 'First'), ('CHILD', 'Triggered'), ('TARGET', 'Target'), ('STOP', 'Stop')], default='LEG', max_length=8)),
                ('ratio', models.DecimalField(decimal_places=4, default=1, max_digits=12)),
                ('order', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='leg', to='orders.order')),
                ('group', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='legs', to='orders.ordergroup')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('ratio__gt', 0)), name='a_leg_has_a_ratio'), models.UniqueConstraint(condition=models.Q(('role', 'PARENT')), fields=('group',), name='a_group_has_one_parent')],
            },
        ),
        migrations.AddField(
            model_name='import',
            name='group',
            field=models.ForeignKey(help_text='where its orders are one group', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.ordergroup'),
        ),
        migrations.CreateModel(
            name='OwnField',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(help_text='in files and the API; never changed once in use', max_length=30, unique=True)),
                ('label', models.CharField(max_length=60)),
                ('kind', models.CharField(choices=[('text', 'Text'), ('number', 'Number'), ('date', 'Date'), ('yes_no', 'Yes or no'), ('list', 'One of a list')], max_length=8)),
                ('choices', models.JSONField(blank=True, default=list, help_text='["Core", "Satellite"], or with a parent {"Core": ["Growth"], "Satellite": ["Themes"]}')),
                ('place', models.SmallIntegerField(default=0, help_text='lower stands first')),
                ('is_asked', models.BooleanField(default=False, help_text='whoever types an order says it, as a reason for the decision', verbose_name='must be said')),
                ('is_active', models.BooleanField(default=True)),
                ('parent', models.ForeignKey(blank=True, help_text='the list on whose value the choices hang', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.ownfield')),
            ],
            options={
                'ordering': ['place', 'code'],
            },
        ),
        migrations.CreateModel(
            name='HistoricalOwnField',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('code', models.SlugField(help_text='in files and the API; never changed once in use', max_length=30)),
                ('label', models.CharField(max_length=60)),
                ('kind', models.CharField(choices=[('text', 'Text'), ('number', 'Number'), ('date', 'Date'), ('yes_no', 'Yes or no'), ('list', 'One of a list')], max_length=8)),
                ('choices', models.JSONField(blank=True, default=list, help_text='["Core", "Satellite"], or with a parent {"Core": ["Growth"], "Satellite": ["Themes"]}')),
                ('place', models.SmallIntegerField(default=0, help_text='lower stands first')),
                ('is_asked', models.BooleanField(default=False, help_text='whoever types an order says it, as a reason for the decision', verbose_name='must be said')),
                ('is_active', models.BooleanField(default=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('parent', models.ForeignKey(blank=True, db_constraint=False, help_text='the list on whose value the choices hang', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='orders.ownfield')),
            ],
            options={
                'verbose_name': 'historical own field',
                'verbose_name_plural': 'historical own fields',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalDefaultRule',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('rank', models.IntegerField(db_index=True, help_text='lower goes first')),
                ('name', models.CharField(max_length=80)),
                ('asset_class', models.CharField(blank=True, choices=[('EQUITY', 'Equity'), ('ETF', 'ETF'), ('CORP', 'Corporate bond'), ('GOVT', 'Government bond'), ('OPTION', 'Listed option'), ('FUTURE', 'Future'), ('FX', 'Foreign exchange'), ('FUND', 'Fund')], default='', max_length=8)),
                ('country', models.CharField(blank=True, default='', help_text='of the instrument', max_length=2)),
                ('side', models.CharField(blank=True, choices=[('BUY', 'Buy'), ('SELL', 'Sell'), ('SELL_SHORT', 'Sell short')], default='', max_length=10)),
                ('order_type', models.CharField(blank=True, choices=[('MARKET', 'Market'), ('LIMIT', 'Limit'), ('STOP', 'Stop'), ('STOP_LIMIT', 'Stop limit'), ('PEGGED', 'Pegged')], default='', max_length=10)),
                ('own_value', models.CharField(blank=True, default='', max_length=200, verbose_name='its value')),
                ('strategy', models.CharField(blank=True, default='', help_text='of that broker, such as VWAP', max_length=20)),
                ('tif', models.CharField(blank=True, choices=[('DAY', 'Day'), ('GTC', 'Good till cancelled'), ('GTD', 'Good till a date'), ('IOC', 'Immediate or cancel'), ('FOK', 'Fill or kill'), ('OPG', 'On the open'), ('CLS', 'On the close')], default='', max_length=4)),
                ('instructions', models.CharField(blank=True, default='', max_length=200)),
                ('effective_from', models.DateField(help_text='first day on which orders get it')),
                ('effective_to', models.DateField(blank=True, help_text='last day', null=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('broker', models.ForeignKey(blank=True, db_constraint=False, help_text='where the desk routes it, if all orders of the block agree and the trader says nothing else', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='reference.broker')),
                ('desk', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='users.desk')),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('portfolio', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='portfolios.portfolio')),
                ('own_field', models.ForeignKey(blank=True, db_constraint=False, help_text="a field of the firm's own, which says this:", null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='orders.ownfield')),
            ],
            options={
                'verbose_name': 'historical default rule',
                'verbose_name_plural': 'historical default rules',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='DefaultRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rank', models.IntegerField(help_text='lower goes first', unique=True)),
                ('name', models.CharField(max_length=80)),
                ('asset_class', models.CharField(blank=True, choices=[('EQUITY', 'Equity'), ('ETF', 'ETF'), ('CORP', 'Corporate bond'), ('GOVT', 'Government bond'), ('OPTION', 'Listed option'), ('FUTURE', 'Future'), ('FX', 'Foreign exchange'), ('FUND', 'Fund')], default='', max_length=8)),
                ('country', models.CharField(blank=True, default='', help_text='of the instrument', max_length=2)),
                ('side', models.CharField(blank=True, choices=[('BUY', 'Buy'), ('SELL', 'Sell'), ('SELL_SHORT', 'Sell short')], default='', max_length=10)),
                ('order_type', models.CharField(blank=True, choices=[('MARKET', 'Market'), ('LIMIT', 'Limit'), ('STOP', 'Stop'), ('STOP_LIMIT', 'Stop limit'), ('PEGGED', 'Pegged')], default='', max_length=10)),
                ('own_value', models.CharField(blank=True, default='', max_length=200, verbose_name='its value')),
                ('strategy', models.CharField(blank=True, default='', help_text='of that broker, such as VWAP', max_length=20)),
                ('tif', models.CharField(blank=True, choices=[('DAY', 'Day'), ('GTC', 'Good till cancelled'), ('GTD', 'Good till a date'), ('IOC', 'Immediate or cancel'), ('FOK', 'Fill or kill'), ('OPG', 'On the open'), ('CLS', 'On the close')], default='', max_length=4)),
                ('instructions', models.CharField(blank=True, default='', max_length=200)),
                ('effective_from', models.DateField(help_text='first day on which orders get it')),
                ('effective_to', models.DateField(blank=True, help_text='last day', null=True)),
                ('broker', models.ForeignKey(blank=True, help_text='where the desk routes it, if all orders of the block agree and the trader says nothing else', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.broker')),
                ('desk', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.desk')),
                ('portfolio', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='portfolios.portfolio')),
                ('own_field', models.ForeignKey(blank=True, help_text="a field of the firm's own, which says this:", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.ownfield')),
            ],
            options={
                'ordering': ['rank'],
                'constraints': [models.CheckConstraint(condition=models.Q(('effective_to', None), ('effective_to__gte', models.F('effective_from')), _connector='OR'), name='a_default_ends_after_it_begins'), models.CheckConstraint(condition=models.Q(('broker__isnull', False), ('desk__isnull', False), models.Q(('instructions', ''), ('strategy', ''), ('tif', ''), _negated=True), _connector='OR'), name='a_default_has_something_to_say'), models.CheckConstraint(condition=models.Q(models.Q(('own_field', None), ('own_value', '')), models.Q(('own_field__isnull', False), models.Q(('own_value', ''), _negated=True)), _connector='OR'), name='a_default_asks_for_a_value_of_an_own_field', violation_error_message="A field of the firm's own and its value go together."), models.CheckConstraint(condition=models.Q(('strategy', ''), ('broker__isnull', False), _connector='OR'), name='a_default_strategy_is_of_a_broker'), models.CheckConstraint(condition=models.Q(('strategy__in', ('', 'VWAP', 'PARTICIPATE', 'TWAP'))), name='a_default_strategy_is_one_that_brokers_take', violation_error_message='A strategy is one of VWAP, PARTICIPATE, TWAP, or left to the routing rules.')],
            },
        ),
        migrations.CreateModel(
            name='Proposal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('side', models.CharField(choices=[('BUY', 'Buy'), ('SELL', 'Sell'), ('SELL_SHORT', 'Sell short')], max_length=10)),
                ('qty', models.DecimalField(decimal_places=4, max_digits=20)),
                ('order_type', models.CharField(default='MARKET', help_text='MARKET or LIMIT', max_length=10)),
                ('limit_price', models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                ('rationale', models.CharField(blank=True, default='', max_length=400)),
                ('created_at', models.DateTimeField()),
                ('status', models.CharField(default=apps.orders.states.ProposalStatus['PROPOSED'], max_length=10)),
                ('version', models.IntegerField(default=1)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('instrument', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.instrument')),
                ('order', models.OneToOneField(help_text='what it became', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.order')),
                ('portfolio', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='portfolios.portfolio')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('status', 'PROPOSED')), fields=('portfolio', 'instrument'), name='a_portfolio_has_one_proposal_for_an_instrument'), models.CheckConstraint(condition=models.Q(('qty__gt', 0)), name='proposal_has_a_quantity'), models.CheckConstraint(condition=models.Q(models.Q(('order__isnull', False), ('status', 'PROMOTED')), models.Q(models.Q(('status', 'PROMOTED'), _negated=True), ('order', None)), _connector='OR'), name='a_promoted_proposal_has_its_order')],
            },
        ),
        migrations.CreateModel(
            name='ApprovalDecision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('step', models.IntegerField()),
                ('agreed', models.BooleanField()),
                ('comment', models.CharField(blank=True, default='', max_length=2000)),
                ('at', models.DateTimeField()),
                ('approval', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='orders.approval')),
                ('behalf_of', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('approval', 'by'), name='a_person_decides_once_on_an_approval'), models.UniqueConstraint(fields=('approval', 'step'), name='a_step_is_decided_once')],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='approvaldecision',
            trigger=pgtrigger.compiler.Trigger(name='is_never_changed', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='7ced6100cee9f8e0a5d1195da67e2c22ec749cda', operation='UPDATE OR DELETE', pgid='pgtrigger_is_never_changed_1b5fa', table='orders_approvaldecision', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='approvaldecision',
            trigger=pgtrigger.compiler.Trigger(name='maker_is_never_checker', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE maker bigint;', func="\n                    SELECT a.by_id INTO maker FROM orders_approval p JOIN orders_order o ON o.id = p.order_id\n                      JOIN orders_order f ON coalesce(o.split_from_id, o.id) IN (f.id, f.split_from_id)\n                      JOIN audit_entry e ON e.subject = 'order' AND e.subject_id = f.id\n                       AND e.event IN ('order.created', 'order.amended')\n                      JOIN audit_act a ON a.id = e.act_id\n                     WHERE p.id = NEW.approval_id AND a.by_id IN (NEW.by_id, NEW.behalf_of_id) LIMIT 1;\n                    IF maker IS NULL THEN\n                        SELECT o.created_by_id INTO maker FROM orders_approval p JOIN orders_order o ON o.id = p.order_id\n                         WHERE p.id = NEW.approval_id AND o.created_by_id IN (NEW.by_id, NEW.behalf_of_id);\n                    END IF;\n                    IF maker IS NOT NULL THEN\n                        RAISE EXCEPTION 'person % entered or amended the order', maker\n                            USING ERRCODE = 'check_violation', CONSTRAINT = 'maker_is_never_checker';\n                    END IF;\n                    RETURN NEW;\n                ", hash='150a7d2639d9459299c11176fde781c673d7b473', operation='INSERT', pgid='pgtrigger_maker_is_never_checker_e594f', table='orders_approvaldecision', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='family',
            trigger=pgtrigger.compiler.Trigger(name='is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='58fbf353067d02f6566b12fc21e694cb5fc712c5', operation='DELETE', pgid='pgtrigger_is_never_deleted_d6a3f', table='orders_family', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='family',
            trigger=pgtrigger.compiler.Trigger(name='sums_its_parts', sql=pgtrigger.compiler.UpsertTriggerSql(constraint='CONSTRAINT', func="\n    IF EXISTS (SELECT 1 FROM orders_family f WHERE f.root_id = NEW.root_id AND f.qty <> (\n        SELECT sum(o.qty) FROM orders_order o WHERE o.id = f.root_id OR o.split_from_id = f.root_id))\n    THEN\n        RAISE EXCEPTION 'the parts of order % do not sum to what it asks for', NEW.root_id\n            USING ERRCODE = 'check_violation', CONSTRAINT = 'parts_sum_to_the_whole';\n    END IF;\n    RETURN NULL;\n", hash='e45d9d5b480d23902cd64386292cf5ab860cae71', operation='INSERT OR UPDATE', pgid='pgtrigger_sums_its_parts_487c0', table='orders_family', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='document',
            trigger=pgtrigger.compiler.Trigger(name='is_never_changed', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='377a9a09d15e572ad619c15c50b029cd0d901a83', operation='UPDATE OR DELETE', pgid='pgtrigger_is_never_changed_40e50', table='orders_document', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(fields=['portfolio', 'instrument'], name='orders_of_a_portfolio'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('qty__gt', django.db.models.expressions.CombinedExpression(models.F('filled_qty'), '+', models.F('cancelled_qty')))), fields=['instrument', 'portfolio'], name='unfinished_orders'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('qty__gt', django.db.models.expressions.CombinedExpression(models.F('filled_qty'), '+', models.F('cancelled_qty'))), models.Q(('client_ref', ''), _negated=True)), fields=['client_ref', 'created_by'], name='references_in_use'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('split_from__isnull', False)), fields=['split_from'], name='parts_of_an_order'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('qty__gt', 0), models.Q(('qty', 0), ('split_from__isnull', False), ('status', 'CANCELLED')), _connector='OR'), name='order_has_a_quantity'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('cancelled_qty__gte', 0), ('filled_qty__gte', 0), ('qty__gte', django.db.models.expressions.CombinedExpression(models.F('filled_qty'), '+', models.F('cancelled_qty')))), name='order_never_overfills'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('limit_price__gt', 0), ('order_type__in', ('LIMIT', 'STOP_LIMIT'))), models.Q(('limit_price', None), ('order_type__in', ('MARKET', 'STOP'))), models.Q(('order_type', 'PEGGED'), models.Q(('limit_price', None), ('limit_price__gt', 0), _connector='OR')), _connector='OR'), name='a_limit_order_has_its_limit'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('order_type__in', ('STOP', 'STOP_LIMIT')), ('terms__has_key', 'stop_price')), models.Q(models.Q(('order_type__in', ('STOP', 'STOP_LIMIT')), _negated=True), models.Q(('terms__has_key', 'stop_price'), _negated=True)), _connector='OR'), name='a_stop_order_has_its_stop'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('order_type', 'PEGGED'), ('terms__has_key', 'peg')), models.Q(models.Q(('order_type', 'PEGGED'), _negated=True), models.Q(('terms__has_any_keys', ['peg', 'peg_offset']), _negated=True)), _connector='OR'), name='a_pegged_order_has_its_peg'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('terms__has_key', 'expire_date'), ('tif', 'GTD')), models.Q(models.Q(('tif', 'GTD'), _negated=True), models.Q(('terms__has_key', 'expire_date'), _negated=True)), _connector='OR'), name='an_order_till_a_date_has_its_date'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('qty__gte', django.db.models.functions.comparison.Cast(django.db.models.fields.json.KeyTextTransform('min_qty', 'terms'), models.DecimalField(decimal_places=8, max_digits=20)))), name='a_minimum_is_within_the_quantity'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('qty__gte', django.db.models.functions.comparison.Cast(django.db.models.fields.json.KeyTextTransform('display_qty', 'terms'), models.DecimalField(decimal_places=8, max_digits=20)))), name='what_is_displayed_is_within_the_quantity'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status__in', ['DONE', 'CANCELLED', 'REJECTED']), _negated=True), ('qty', django.db.models.expressions.CombinedExpression(models.F('filled_qty'), '+', models.F('cancelled_qty'))), _connector='OR'), name='a_finished_order_has_no_leaves'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='order',
            trigger=pgtrigger.compiler.Trigger(name='parts_sum_to_the_whole', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."qty" IS DISTINCT FROM (NEW."qty") OR OLD."split_from_id" IS DISTINCT FROM (NEW."split_from_id"))', constraint='CONSTRAINT', func="\n    IF EXISTS (SELECT 1 FROM orders_family f WHERE f.root_id = coalesce(NEW.split_from_id, NEW.id) AND f.qty <> (\n        SELECT sum(o.qty) FROM orders_order o WHERE o.id = f.root_id OR o.split_from_id = f.root_id))\n    THEN\n        RAISE EXCEPTION 'the parts of order % do not sum to what it asks for', coalesce(NEW.split_from_id, NEW.id)\n            USING ERRCODE = 'check_violation', CONSTRAINT = 'parts_sum_to_the_whole';\n    END IF;\n    RETURN NULL;\n", hash='2d9cd2ab27ba6add2314bf0d13814a81eaab49e8', operation='UPDATE OF "qty", "split_from_id"', pgid='pgtrigger_parts_sum_to_the_whole_b66ef', table='orders_order', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='order',
            trigger=pgtrigger.compiler.Trigger(name='a_new_part_is_of_the_whole', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."split_from_id" IS NOT NULL)', constraint='CONSTRAINT', func="\n    IF NOT EXISTS (SELECT 1 FROM orders_family f WHERE f.root_id = NEW.split_from_id AND f.qty = (\n        SELECT sum(o.qty) FROM orders_order o WHERE o.id = f.root_id OR o.split_from_id = f.root_id))\n    THEN\n        RAISE EXCEPTION 'the parts of order % do not sum to what it asks for', NEW.split_from_id\n            USING ERRCODE = 'check_violation', CONSTRAINT = 'parts_sum_to_the_whole';\n    END IF;\n    RETURN NULL;\n", hash='81f5197c9778e0f755d0058638a3ff0107cb15af', operation='INSERT', pgid='pgtrigger_a_new_part_is_of_the_whole_bd14a', table='orders_order', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='import',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['DISCARDED', 'FAILED']), _negated=True), fields=('created_by', 'sha256'), name='a_file_is_imported_once'),
        ),
        # Room on each page for the rows' next versions: a status change then touches no index (heap-only tuples).
        migrations.RunSQL(
            "ALTER TABLE orders_order SET (fillfactor = 50)", "ALTER TABLE orders_order RESET (fillfactor)"
        ),
    ]
