import apps.blocks.states
import datetime
import django.db.models.deletion
import django.db.models.expressions
import pgtrigger.compiler
import pgtrigger.migrations
import simple_history.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('blocks', '0001_initial'),
        ('blocks', '0002_initial'),
        ('blocks', '0003_initial'),
        ('blocks', '0004_owners'),
        ('blocks', '0005_notes'),
        ('blocks', '0006_terms_few_orders_have'),
        ('blocks', '0007_splits'),
        ('blocks', '0008_oppositions'),
        ('blocks', '0009_directed_and_in_turn'),
        ('blocks', '0010_late_members'),
        ('blocks', '0011_crossed_members'),
        ('blocks', '0012_meant_for_brokers'),
        ('blocks', '0013_crossed_orders_add_up'),
    ]

    initial = True

    dependencies = [
        ('audit', '0001_tables'),
        ('orders', '0001_tables'),
        ('portfolios', '0001_tables'),
        ('reference', '0001_tables'),
        ('users', '0001_tables'),
        ('users', '__first__'),
    ]

    operations = [
        migrations.CreateModel(
            name='Block',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('side', models.CharField(choices=[('BUY', 'Buy'), ('SELL', 'Sell'), ('SELL_SHORT', 'Sell short')], max_length=10)),
                ('order_type', models.CharField(choices=[('MARKET', 'Market'), ('LIMIT', 'Limit'), ('STOP', 'Stop'), ('STOP_LIMIT', 'Stop limit'), ('PEGGED', 'Pegged')], max_length=10)),
                ('limit_price', models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                ('tif', models.CharField(choices=[('DAY', 'Day'), ('GTC', 'Good till cancelled'), ('GTD', 'Good till a date'), ('IOC', 'Immediate or cancel'), ('FOK', 'Fill or kill'), ('OPG', 'On the open'), ('CLS', 'On the close')], max_length=4)),
                ('terms', models.JSONField(default=dict, help_text='what few orders say: those of its orders')),
                ('instructions', models.CharField(blank=True, default='', max_length=200)),
                ('directed_when', models.CharField(blank=True, choices=[('BEFORE', 'before the free orders'), ('WITH', 'at the same time as the free orders'), ('AFTER', 'after the free orders'), ('TURN', "in turn, by the desk's rotation")], db_default='', default='', help_text='when it trades beside the free orders', max_length=6)),
                ('trade_date', models.DateField()),
                ('settle_date', models.DateField()),
                ('merge_key', models.CharField(help_text='hash of all that its orders have in common', max_length=64)),
                ('wave', models.IntegerField(default=1)),
                ('opened_at', models.DateTimeField()),
                ('frozen_at', models.DateTimeField(null=True)),
                ('done_at', models.DateTimeField(null=True)),
                ('arrival_price', models.DecimalField(decimal_places=8, help_text='mid when it was frozen, before its first route', max_digits=20, null=True)),
                ('qty', models.DecimalField(decimal_places=4, max_digits=20)),
                ('placed_qty', models.DecimalField(decimal_places=4, default=0, max_digits=20)),
                ('filled_qty', models.DecimalField(decimal_places=4, default=0, max_digits=20)),
                ('filled_value', models.DecimalField(decimal_places=12, default=0, help_text='Σ quantity × price of live executions, exact', max_digits=34)),
                ('cancelled_qty', models.DecimalField(decimal_places=4, default=0, max_digits=20)),
                ('status', models.CharField(default=apps.blocks.states.B['OPEN'], max_length=10)),
                ('version', models.IntegerField(default=1)),
                ('currency', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.currency')),
                ('desk', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.desk')),
                ('directed_to', models.ForeignKey(db_index=False, help_text='to whom its clients direct it; empty: free', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.broker')),
                ('instrument', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.instrument')),
                ('meant_for', models.ForeignKey(db_index=False, help_text='for whom the desk split it off; empty: anybody', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.broker')),
                ('owner', models.ForeignKey(help_text="who works it; empty: in the desk's pool", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('split_from', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='blocks.block')),
            ],
            options={
                'indexes': [models.Index(fields=['status', 'desk'], name='blocks_by_status'), models.Index(condition=models.Q(('directed_when', ''), _negated=True), fields=['trade_date', 'instrument', 'side'], name='blocks_directed')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('status', 'OPEN')), fields=('merge_key',), name='one_open_block_a_merge_key'), models.UniqueConstraint(fields=('merge_key', 'wave'), name='waves_count_up'), models.CheckConstraint(condition=models.Q(('cancelled_qty__gte', 0), ('filled_qty__gte', 0), ('qty__gte', django.db.models.expressions.CombinedExpression(models.F('filled_qty'), '+', models.F('cancelled_qty')))), name='block_never_overfills'), models.CheckConstraint(condition=models.Q(('placed_qty__gte', models.F('filled_qty')), ('placed_qty__lte', models.F('qty'))), name='block_is_never_overplaced'), models.CheckConstraint(condition=models.Q(models.Q(('directed_to', None), ('directed_when', '')), models.Q(('directed_to__isnull', False), models.Q(('directed_when', ''), _negated=True)), _connector='OR'), name='a_directed_block_says_when')],
            },
        ),
        migrations.CreateModel(
            name='CrossConsent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('nature', models.CharField(choices=[('CLIENT', 'client'), ('ERISA', 'plan under ERISA'), ('AFFILIATED', "our own or an affiliate's money is in it")], default='CLIENT', max_length=10)),
                ('permits', models.BooleanField(default=True, verbose_name='permits crosses')),
                ('starts_on', models.DateField(default=datetime.date(2000, 1, 1))),
                ('ends_on', models.DateField(blank=True, help_text='the last day; empty: until further notice', null=True)),
                ('plan_assets_amount', models.DecimalField(blank=True, decimal_places=4, help_text='of a plan under ERISA, in USD: 408(b)(19) asks for 100 million at least', max_digits=20, null=True)),
                ('basis', models.CharField(help_text='the procedures or agreement it rests on, with their date', max_length=200)),
                ('portfolio', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='portfolios.portfolio')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('ends_on', None), ('ends_on__gte', models.F('starts_on')), _connector='OR'), name='a_consent_ends_after_it_starts'), models.CheckConstraint(condition=models.Q(('nature', 'AFFILIATED'), ('permits', True), _negated=True), name='an_affiliate_is_never_crossed'), models.CheckConstraint(condition=models.Q(models.Q(('nature', 'ERISA'), ('permits', True), _negated=True), ('plan_assets_amount__gte', 100000000), _connector='OR'), name='an_erisa_plan_is_large_enough_to_be_crossed')],
            },
        ),
        migrations.CreateModel(
            name='CrossMember',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('qty', models.DecimalField(decimal_places=4, max_digits=20)),
                ('block', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='blocks.block')),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.order')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('block', 'order'), name='an_order_is_crossed_once_in_a_block'), models.CheckConstraint(condition=models.Q(('qty__gt', 0)), name='a_crossed_order_gets_a_quantity')],
            },
        ),
        migrations.CreateModel(
            name='HistoricalCrossConsent',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('nature', models.CharField(choices=[('CLIENT', 'client'), ('ERISA', 'plan under ERISA'), ('AFFILIATED', "our own or an affiliate's money is in it")], default='CLIENT', max_length=10)),
                ('permits', models.BooleanField(default=True, verbose_name='permits crosses')),
                ('starts_on', models.DateField(default=datetime.date(2000, 1, 1))),
                ('ends_on', models.DateField(blank=True, help_text='the last day; empty: until further notice', null=True)),
                ('plan_assets_amount', models.DecimalField(blank=True, decimal_places=4, help_text='of a plan under ERISA, in USD: 408(b)(19) asks for 100 million at least', max_digits=20, null=True)),
                ('basis', models.CharField(help_text='the procedures or agreement it rests on, with their date', max_length=200)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('portfolio', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='portfolios.portfolio')),
            ],
            options={
                'verbose_name': 'historical cross consent',
                'verbose_name_plural': 'historical cross consents',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Member',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('qty', models.DecimalField(decimal_places=4, max_digits=20)),
                ('is_late', models.BooleanField(db_default=False, default=False, help_text="of a fund: released after the day's cut-off, so it gets the next valuation point")),
                ('block', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='members', to='blocks.block')),
                ('order', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.order')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('qty__gt', 0)), name='a_member_brings_a_quantity')],
            },
        ),
        migrations.CreateModel(
            name='Note',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.CharField(max_length=2000)),
                ('at', models.DateTimeField()),
                ('block', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='blocks.block')),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('order', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.order')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('block__isnull', False), ('order', None)), models.Q(('block', None), ('order__isnull', False)), _connector='OR'), name='a_note_is_about_one_thing'), models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='a_note_says_something')],
            },
        ),
        migrations.CreateModel(
            name='NoteRead',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('last_note', models.BigIntegerField()),
                ('block', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='blocks.block')),
                ('order', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orders.order')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user', 'order', 'block'), name='one_read_mark_a_person_and_thing', nulls_distinct=False)],
            },
        ),
        migrations.CreateModel(
            name='Opposition',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cross_qty', models.DecimalField(decimal_places=4, default=0, help_text='what could be crossed when it was found; of a cross, its quantity', max_digits=20)),
                ('problems', models.JSONField(default=list, help_text='why nothing could be crossed then; empty where something could')),
                ('found_at', models.DateTimeField()),
                ('price', models.DecimalField(decimal_places=8, help_text='of a proposed cross: independent, at the moment of the proposal', max_digits=20, null=True)),
                ('price_source', models.CharField(blank=True, default='', max_length=40)),
                ('reason', models.CharField(blank=True, default='', max_length=400)),
                ('decided_at', models.DateTimeField(null=True)),
                ('status', models.CharField(default=apps.blocks.states.Op['FOUND'], max_length=8)),
                ('version', models.IntegerField(default=1)),
                ('buy', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='blocks.block')),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('sell', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='blocks.block')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('buy', 'sell'), name='two_blocks_oppose_each_other_once'), models.CheckConstraint(condition=models.Q(models.Q(('status', 'CROSS'), _negated=True), models.Q(('cross_qty__gt', 0), ('price__gt', 0)), _connector='OR'), name='a_proposed_cross_has_its_terms')],
            },
        ),
        migrations.CreateModel(
            name='Rotation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('position', models.IntegerField(default=0)),
                ('status', models.CharField(default=apps.blocks.states.Ro['ACTIVE'], max_length=8)),
                ('version', models.IntegerField(default=1)),
                ('desk', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='users.desk')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('status', 'ACTIVE')), fields=('desk',), name='one_rotation_a_desk'), models.CheckConstraint(condition=models.Q(('position__gte', 0)), name='a_rotation_points_at_a_seat')],
            },
        ),
        migrations.CreateModel(
            name='RotationUse',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('side', models.CharField(choices=[('BUY', 'Buy'), ('SELL', 'Sell'), ('SELL_SHORT', 'Sell short')], max_length=10)),
                ('trade_date', models.DateField()),
                ('first_seat', models.IntegerField()),
                ('at', models.DateTimeField()),
                ('instrument', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.instrument')),
                ('rotation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='uses', to='blocks.rotation')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('rotation', 'instrument', 'side', 'trade_date'), name='an_idea_uses_a_rotation_once')],
            },
        ),
        migrations.CreateModel(
            name='Seat',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.IntegerField()),
                ('broker', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.broker')),
                ('rotation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='seats', to='blocks.rotation')),
            ],
            options={
                'ordering': ['number'],
                'constraints': [models.UniqueConstraint(fields=('rotation', 'number'), name='one_party_a_seat'), models.UniqueConstraint(fields=('rotation', 'broker'), name='one_seat_a_party', nulls_distinct=False)],
            },
        ),
        migrations.CreateModel(
            name='Statement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('content', models.JSONField(help_text='canonical: block, method, lot, [[order, portfolio, quantity], …]')),
                ('hash', models.CharField(help_text='SHA-256 of the canonical JSON of content', max_length=64)),
                ('made_at', models.DateTimeField()),
                ('act', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='audit.actrow')),
                ('block', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='statement', to='blocks.block')),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='crossmember',
            trigger=pgtrigger.compiler.Trigger(name='is_never_changed', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='359ce8d83f3ddb2b2809fae23708f6a5561affd5', operation='UPDATE OR DELETE', pgid='pgtrigger_is_never_changed_7f935', table='blocks_crossmember', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='crossmember',
            trigger=pgtrigger.compiler.Trigger(name='takes_from_an_order_what_it_gives_it', sql=pgtrigger.compiler.UpsertTriggerSql(constraint='CONSTRAINT', func="\n                    IF EXISTS (\n                        SELECT 1 FROM orders_order o LEFT JOIN blocks_member m ON m.order_id = o.id WHERE o.id = NEW.order_id\n                        AND (o.filled_qty < (SELECT sum(x.qty) FROM blocks_crossmember x WHERE x.order_id = o.id)\n                        OR o.status = 'CLEARED' AND coalesce(m.qty, 0) <> o.qty - o.filled_qty - o.cancelled_qty)\n                    ) THEN\n                        RAISE EXCEPTION 'what an order was crossed is filled, and what is left of it is in its block';\n                    END IF;\n                    RETURN NULL;\n                ", hash='5948150a187351389e5cfce52e73e4539e4170cc', operation='INSERT', pgid='pgtrigger_takes_from_an_order_what_it_gives_it_07450', table='blocks_crossmember', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='note',
            trigger=pgtrigger.compiler.Trigger(name='is_never_changed', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='cc1ca36316c77d52caea4da4a5dbcbd2587a41d0', operation='UPDATE OR DELETE', pgid='pgtrigger_is_never_changed_25739', table='blocks_note', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='rotation',
            trigger=pgtrigger.compiler.Trigger(name='is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='c5fecd2ca8b9006691615e4128960d25947f2776', operation='DELETE', pgid='pgtrigger_is_never_deleted_d9d6e', table='blocks_rotation', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='rotation',
            trigger=pgtrigger.compiler.Trigger(name='moves_only_with_a_fact', sql=pgtrigger.compiler.UpsertTriggerSql(constraint='CONSTRAINT', func="\n                    IF NOT EXISTS (\n                        SELECT 1 FROM audit_entry e WHERE e.subject = 'rotation' AND e.subject_id = NEW.id\n                        AND e.nth = NEW.version AND (e.payload->>'position')::int = NEW.position\n                    ) THEN\n                        RAISE EXCEPTION 'a rotation moves only with a fact on the record';\n                    END IF;\n                    RETURN NULL;\n                ", hash='6f907eb83eac1a6e61e2c8f123c20984bb5ed53f', operation='INSERT OR UPDATE', pgid='pgtrigger_moves_only_with_a_fact_955ce', table='blocks_rotation', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='rotationuse',
            trigger=pgtrigger.compiler.Trigger(name='is_never_changed', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='3110aff62d3d31164abd5bcf320cded7dc7ed9e0', operation='UPDATE OR DELETE', pgid='pgtrigger_is_never_changed_9ebf0', table='blocks_rotationuse', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='seat',
            trigger=pgtrigger.compiler.Trigger(name='is_never_changed', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='b170416a4ba7d80ef1b3f2007f417ba8fced3f31', operation='UPDATE OR DELETE', pgid='pgtrigger_is_never_changed_5ceb8', table='blocks_seat', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='statement',
            trigger=pgtrigger.compiler.Trigger(name='is_never_changed', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='13d18149662fe1af661caa4c5e83adbd0a2e9465', operation='UPDATE OR DELETE', pgid='pgtrigger_is_never_changed_7f29b', table='blocks_statement', when='BEFORE')),
        ),
    ]
