import apps.crossing.states
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('crossing', '0001_initial'),
    ]

    initial = True

    dependencies = [
        ('allocations', '0001_tables'),
        ('blocks', '0001_tables'),
        ('orders', '0001_tables'),
        ('portfolios', '0001_tables'),
        ('reference', '0001_tables'),
        ('users', '__first__'),
    ]

    operations = [
        migrations.CreateModel(
            name='Cross',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('qty', models.DecimalField(decimal_places=4, max_digits=20)),
                ('price', models.DecimalField(decimal_places=8, help_text='independent, when it was proposed', max_digits=20)),
                ('evidence', models.JSONField(help_text='what the price rests on: source, market, bid, ask, last, quoted_at')),
                ('lines', models.JSONField(help_text='[{name, asks, source, passes, found}] when it was proposed')),
                ('tolerance_bp', models.DecimalField(decimal_places=4, help_text='how far the price at execution may be from this one', max_digits=9)),
                ('reason', models.CharField(max_length=400)),
                ('proposed_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('approved_at', models.DateTimeField(null=True)),
                ('approval', models.CharField(blank=True, default='', help_text='what the officer wrote', max_length=400)),
                ('ended_at', models.DateTimeField(null=True)),
                ('ended_because', models.CharField(blank=True, default='', max_length=400)),
                ('executed_at', models.DateTimeField(null=True)),
                ('executed_price', models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                ('executed_evidence', models.JSONField(null=True)),
                ('executed_lines', models.JSONField(null=True)),
                ('amount', models.DecimalField(decimal_places=4, help_text='what the buyers pay the sellers: Σ of the pairs', max_digits=20, null=True)),
                ('trade_date', models.DateField(null=True)),
                ('settle_date', models.DateField(null=True)),
                ('status', models.CharField(default=apps.crossing.states.X['PROPOSED'], max_length=10)),
                ('version', models.IntegerField(default=1)),
                ('approved_by', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('bought_in', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='blocks.block')),
                ('currency', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.currency')),
                ('ended_by', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('executed_by', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('instrument', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.instrument')),
                ('opposition', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='blocks.opposition')),
                ('proposed_by', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('sold_in', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='blocks.block')),
            ],
            options={
                'verbose_name_plural': 'crosses',
                'indexes': [models.Index(condition=models.Q(('status', 'EXECUTED')), fields=['trade_date'], name='crosses_executed')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('status__in', ['PROPOSED', 'ACCEPTED', 'APPROVED'])), fields=('opposition',), name='one_live_cross_an_opposition'), models.CheckConstraint(condition=models.Q(('price__gt', 0), ('qty__gt', 0), ('tolerance_bp__gte', 0)), name='a_cross_has_its_terms'), models.CheckConstraint(condition=models.Q(('approved_by', None), models.Q(('approved_by', models.F('proposed_by')), _negated=True), _connector='OR'), name='a_maker_never_approves_a_cross'), models.CheckConstraint(condition=models.Q(models.Q(('status__in', ['APPROVED', 'EXECUTED']), _negated=True), models.Q(('approved_at__isnull', False), ('approved_by__isnull', False)), _connector='OR'), name='an_approved_cross_has_its_officer'), models.CheckConstraint(condition=models.Q(models.Q(('amount__gt', 0), ('bought_in__isnull', False), ('executed_at__isnull', False), ('executed_by__isnull', False), ('executed_evidence__isnull', False), ('executed_price__gt', 0), ('settle_date__gte', models.F('trade_date')), ('sold_in__isnull', False), ('status', 'EXECUTED'), ('trade_date__isnull', False)), models.Q(models.Q(('status', 'EXECUTED'), _negated=True), ('amount', None), ('bought_in', None), ('executed_by', None), ('executed_price', None), ('sold_in', None)), _connector='OR'), name='only_an_executed_cross_has_moved'), models.CheckConstraint(condition=models.Q(models.Q(('status__in', ['DECLINED', 'WITHDRAWN', 'EXPIRED']), _negated=True), models.Q(('ended_at__isnull', False), models.Q(('ended_because', ''), _negated=True)), _connector='OR'), name='a_cross_ends_for_a_reason')],
            },
        ),
        migrations.CreateModel(
            name='Part',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('order_version', models.IntegerField(help_text='as it was when the cross was proposed')),
                ('side', models.CharField(choices=[('BUY', 'Buy'), ('SELL', 'Sell')], max_length=4)),
                ('intended_qty', models.DecimalField(decimal_places=4, max_digits=20)),
                ('qty', models.DecimalField(decimal_places=4, max_digits=20)),
                ('accepted_at', models.DateTimeField(null=True)),
                ('accepted_by', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('block', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='blocks.block')),
                ('cross', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='parts', to='crossing.cross')),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.order')),
                ('portfolio', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='portfolios.portfolio')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('cross', 'order'), name='an_order_has_one_part_in_a_cross'), models.CheckConstraint(condition=models.Q(('intended_qty__gte', models.F('qty')), ('qty__gt', 0)), name='a_part_is_within_its_order'), models.CheckConstraint(condition=models.Q(models.Q(('accepted_at', None), ('accepted_by', None)), models.Q(('accepted_at__isnull', False), ('accepted_by__isnull', False)), _connector='OR'), name='an_accepted_part_has_its_time')],
            },
        ),
        migrations.CreateModel(
            name='Pair',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('qty', models.DecimalField(decimal_places=4, max_digits=20)),
                ('amount', models.DecimalField(decimal_places=4, max_digits=20)),
                ('buy_allocation', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='allocations.allocation')),
                ('cross', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pairs', to='crossing.cross')),
                ('sell_allocation', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='allocations.allocation')),
                ('buy', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='crossing.part')),
                ('sell', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='crossing.part')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('buy', 'sell'), name='two_parts_are_paired_once'), models.CheckConstraint(condition=models.Q(('amount__gt', 0), ('qty__gt', 0)), name='a_pair_trades_something')],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='cross',
            trigger=pgtrigger.compiler.Trigger(name='is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='194dc242edf33265f264cd98653095ad69a6edb9', operation='DELETE', pgid='pgtrigger_is_never_deleted_02308', table='crossing_cross', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='cross',
            trigger=pgtrigger.compiler.Trigger(name='sells_what_it_buys', sql=pgtrigger.compiler.UpsertTriggerSql(constraint='CONSTRAINT', func="\n                    IF EXISTS (\n                        SELECT 1 FROM crossing_part p WHERE p.cross_id = NEW.id HAVING\n                        sum(p.qty) FILTER (WHERE p.side = 'BUY') IS DISTINCT FROM NEW.qty\n                        OR sum(p.qty) FILTER (WHERE p.side = 'SELL') IS DISTINCT FROM NEW.qty\n                    ) THEN\n                        RAISE EXCEPTION 'a cross sells exactly what it buys';\n                    END IF;\n                    IF NEW.status = 'EXECUTED' AND (EXISTS (\n                        SELECT 1 FROM crossing_part p LEFT JOIN crossing_pair w ON p.id IN (w.buy_id, w.sell_id)\n                        WHERE p.cross_id = NEW.id GROUP BY p.id, p.qty HAVING sum(w.qty) IS DISTINCT FROM p.qty\n                    ) OR (\n                        SELECT sum(w.amount) FROM crossing_pair w WHERE w.cross_id = NEW.id\n                    ) IS DISTINCT FROM NEW.amount) THEN\n                        RAISE EXCEPTION 'an executed cross gives every order its part, and pays what it costs';\n                    END IF;\n                    RETURN NULL;\n                ", hash='c158826e0de3f542c6563a1b27efcbf11304c0fc', operation='INSERT OR UPDATE', pgid='pgtrigger_sells_what_it_buys_c788c', table='crossing_cross', timing='DEFERRABLE INITIALLY DEFERRED', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='part',
            trigger=pgtrigger.compiler.Trigger(name='is_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='973b412251fd1aeae9c20502ca1596322236cfe6', operation='DELETE', pgid='pgtrigger_is_never_deleted_2dac2', table='crossing_part', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='part',
            trigger=pgtrigger.compiler.Trigger(name='is_accepted_by_others', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                    IF EXISTS (\n                        SELECT 1 FROM crossing_cross c WHERE c.id = NEW.cross_id\n                        AND NEW.accepted_by_id IN (c.proposed_by_id, c.approved_by_id)\n                    ) THEN\n                        RAISE EXCEPTION 'whoever proposed or approved a cross accepts no part of it';\n                    END IF;\n                    RETURN NULL;\n                ", hash='a3c1236175ed25768bc5ad6a54003ce6223fe52f', operation='INSERT OR UPDATE', pgid='pgtrigger_is_accepted_by_others_1b763', table='crossing_part', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='pair',
            trigger=pgtrigger.compiler.Trigger(name='is_never_changed', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='fb54eb05679f82562c96022bfa7bb966f5697a0f', operation='UPDATE OR DELETE', pgid='pgtrigger_is_never_changed_d461d', table='crossing_pair', when='BEFORE')),
        ),
    ]
