import apps.settlement.states
import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('settlement', '0001_initial'),
        ('settlement', '0002_feed'),
        ('settlement', '0003_status_off_indexes'),
        ('settlement', '0004_instructions_sent_anew'),
        ('settlement', '0005_exchanges_of_currencies'),
    ]

    initial = True

    dependencies = [
        ('allocations', '0001_tables'),
        ('portfolios', '0001_tables'),
        ('reference', '0001_tables'),
        ('routing', '0001_tables'),
        ('users', '__first__'),
    ]

    operations = [
        migrations.CreateModel(
            name='Confirmation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sent_at', models.DateTimeField()),
                ('answered_at', models.DateTimeField(null=True)),
                ('answer', models.CharField(blank=True, default='', max_length=200)),
                ('status', models.CharField(default=apps.settlement.states.C['SENT'], max_length=10)),
                ('version', models.IntegerField(default=1)),
                ('allocation', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='allocations.allocation')),
                ('broker', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.broker')),
            ],
        ),
        migrations.CreateModel(
            name='FeedFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('is_out', models.BooleanField(help_text='to the custodian')),
                ('name', models.CharField(max_length=120)),
                ('sha256', models.CharField(blank=True, default='', max_length=64)),
                ('messages', models.IntegerField(default=0)),
                ('problems', models.JSONField(default=list, help_text='[{place, reference, problem}] of what could not be booked')),
                ('at', models.DateTimeField(help_text='when it was decided, or read')),
                ('done_at', models.DateTimeField(null=True)),
                ('custodian', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.custodian')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('done_at', None), ('is_out', True)), fields=['custodian', 'id'], name='files_to_write'), models.Index(condition=models.Q(('problems', []), _negated=True), fields=['-id'], name='files_with_problems')],
                'constraints': [models.UniqueConstraint(fields=('custodian', 'is_out', 'name'), name='a_feed_file_is_taken_once')],
            },
        ),
        migrations.CreateModel(
            name='HistoricalSettlementInstructionSet',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('country', models.CharField(max_length=2)),
                ('agent_bic', models.CharField(help_text='its delivering or receiving agent', max_length=11)),
                ('agent_account', models.CharField(max_length=35)),
                ('depository_bic', models.CharField(help_text='place of settlement (PSET)', max_length=11)),
                ('effective_from', models.DateField()),
                ('effective_to', models.DateField(blank=True, null=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('broker', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='reference.broker')),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical standing settlement instruction',
                'verbose_name_plural': 'historical standing settlement instructions',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='SettlementInstructionSet',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('country', models.CharField(max_length=2)),
                ('agent_bic', models.CharField(help_text='its delivering or receiving agent', max_length=11)),
                ('agent_account', models.CharField(max_length=35)),
                ('depository_bic', models.CharField(help_text='place of settlement (PSET)', max_length=11)),
                ('effective_from', models.DateField()),
                ('effective_to', models.DateField(blank=True, null=True)),
                ('broker', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.broker')),
            ],
            options={
                'verbose_name': 'standing settlement instruction',
                'ordering': ['broker', 'country', '-effective_from'],
                'constraints': [models.UniqueConstraint(fields=('broker', 'country', 'effective_from'), name='one_ssi_starts_on_a_date')],
            },
        ),
        migrations.CreateModel(
            name='Instruction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('attempt', models.SmallIntegerField(db_default=1, default=1, help_text='2 where the first was cancelled and sent anew')),
                ('reference', models.CharField(help_text='TxId: ours, at most 16 characters', max_length=16)),
                ('is_receipt', models.BooleanField(help_text='RECE for buys, DELI for sells; always against payment')),
                ('settle_date', models.DateField()),
                ('qty', models.DecimalField(decimal_places=4, max_digits=20)),
                ('amount', models.DecimalField(decimal_places=4, max_digits=20)),
                ('processing_status', models.CharField(blank=True, default='', max_length=4)),
                ('matching_status', models.CharField(blank=True, default='', max_length=4)),
                ('settlement_status', models.CharField(blank=True, default='', max_length=4)),
                ('inferred_matching_status', models.CharField(blank=True, default='', max_length=4)),
                ('reason', models.CharField(blank=True, default='', max_length=200)),
                ('settled_date', models.DateField(null=True)),
                ('settled_amount', models.DecimalField(decimal_places=4, max_digits=20, null=True)),
                ('cancel_requested_at', models.DateTimeField(null=True)),
                ('note', models.CharField(blank=True, default='', help_text='what operations wrote down last', max_length=400)),
                ('status', models.CharField(default=apps.settlement.states.I['READY'], max_length=10)),
                ('version', models.IntegerField(default=1)),
                ('allocation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='allocations.allocation')),
                ('cancel_file', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='settlement.feedfile')),
                ('currency', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.currency')),
                ('custodian', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.custodian')),
                ('file', models.ForeignKey(help_text='the file it is decided to go out in', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='settlement.feedfile')),
                ('portfolio', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='portfolios.portfolio')),
                ('replaces', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='settlement.instruction')),
                ('standing', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='settlement.settlementinstructionset')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('file', None)), fields=['custodian', 'id'], name='instructions_to_write'), models.Index(condition=models.Q(('cancel_file', None), ('cancel_requested_at__isnull', False)), fields=['custodian', 'id'], name='cancellations_to_write'), models.Index(condition=models.Q(('cancel_file', None), _negated=True), fields=['cancel_file'], name='cancellations_of_a_file'), models.Index(fields=['settle_date'], name='instructions_by_date')],
                'constraints': [models.UniqueConstraint(fields=('reference',), name='a_reference_instructs_once'), models.UniqueConstraint(fields=('allocation', 'attempt'), name='an_attempt_instructs_once'), models.UniqueConstraint(condition=models.Q(('replaces__isnull', False)), fields=('replaces',), name='an_instruction_is_replaced_once'), models.CheckConstraint(condition=models.Q(models.Q(('attempt', 1), ('replaces', None)), models.Q(('attempt__gt', 1), ('replaces__isnull', False)), _connector='OR'), name='a_later_attempt_replaces_one')],
            },
        ),
        migrations.CreateModel(
            name='StrayAnswer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('confirm_ref', models.CharField(max_length=60)),
                ('answer', models.CharField(max_length=200)),
                ('at', models.DateTimeField()),
                ('broker', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.broker')),
                ('message', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='routing.message')),
            ],
        ),
        migrations.CreateModel(
            name='Exchange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('value_date', models.DateField(db_index=True)),
                ('paid_amount', models.DecimalField(decimal_places=4, max_digits=20)),
                ('received_amount', models.DecimalField(decimal_places=4, max_digits=20)),
                ('settled_at', models.DateTimeField(null=True)),
                ('status', models.CharField(default=apps.settlement.states.E['DUE'], max_length=10)),
                ('version', models.IntegerField(default=1)),
                ('allocation', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='allocations.allocation')),
                ('custodian', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.custodian')),
                ('paid_currency', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.currency')),
                ('portfolio', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='portfolios.portfolio')),
                ('received_currency', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.currency')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('paid_amount__gt', 0), ('received_amount__gt', 0), models.Q(('paid_currency', models.F('received_currency')), _negated=True)), name='an_exchange_has_two_moneys'), models.CheckConstraint(condition=models.Q(models.Q(('settled_at__isnull', False), ('status', 'SETTLED')), models.Q(('status', 'SETTLED'), _negated=True), _connector='OR'), name='a_settled_exchange_has_its_time')],
            },
        ),
        # Room on each page for the rows' next versions: a status change then touches no index (heap-only tuples).
        migrations.RunSQL(
            "ALTER TABLE settlement_instruction SET (fillfactor = 50)",
            "ALTER TABLE settlement_instruction RESET (fillfactor)",
        ),
        migrations.RunSQL(
            "ALTER TABLE settlement_confirmation SET (fillfactor = 60)",
            "ALTER TABLE settlement_confirmation RESET (fillfactor)",
        ),
    ]
